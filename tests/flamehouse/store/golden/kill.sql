-- parameters: tag String
KILL QUERY WHERE Settings['log_comment'] = {tag:String} ASYNC;
