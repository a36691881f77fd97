"""The write-ahead log of the local server: an upload is acknowledged once a record of it is on disk.

    segment     the file format: records with checksums; reading stops at the first damaged one
    upload_log  appends records; concurrent appends share one fsync
    quarantine  uploads that ClickHouse rejects for their content, each with its reason
    writer      inserts closed segments into ClickHouse and deletes them

No module here depends on the content of a record. `flamehouse.disk` has the file operations, and
`flamehouse.store.write` has the inserts without a log.
"""
