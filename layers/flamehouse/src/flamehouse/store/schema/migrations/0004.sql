-- What tenants send: the size of each upload's body as received. Rows of versions before have 0.
ALTER TABLE uploads ADD COLUMN IF NOT EXISTS bytes UInt64 CODEC(ZSTD(1));
