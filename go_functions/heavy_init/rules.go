package main

import "regexp"

// rule recognises one kind of log line. A named group of its pattern is a family of the code table.
type rule struct {
	id       string
	severity string
	pattern  *regexp.Regexp
}

// rules are tried in this order: the first that matches says what a line is.
var rules = []rule{
	{"lambda.report", info, regexp.MustCompile(`^REPORT RequestId: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\s+Duration: [0-9.]{1,16} ms`)},
	{"lambda.boundary", info, regexp.MustCompile(`^(?:START|END) RequestId: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)},
	{"lambda.timeout", critical, regexp.MustCompile(`\bTask timed out after [0-9]{1,3}\.[0-9]{2} seconds\b`)},
	{"lambda.exit", critical, regexp.MustCompile(`\bRuntime(?:\.ExitError| exited (?:with error: (?:exit status (?P<exit>[0-9]{1,3})|signal: \w{1,20})|without providing a reason))`)},
	{"kernel.oom", critical, regexp.MustCompile(`(?i)\b(?:out of memory: kill(?:ed)? process [0-9]{1,10}|invoked oom-killer|oom-kill:constraint=\w{1,40})`)},
	{"java.oom", critical, regexp.MustCompile(`\bjava\.lang\.OutOfMemoryError: (?:Java heap space|Metaspace|GC overhead limit exceeded|unable to create (?:new )?native thread)`)},
	{"node.oom", critical, regexp.MustCompile(`(?i)\bFATAL ERROR: .{0,120}JavaScript heap out of memory`)},
	{"redis.oom", critical, regexp.MustCompile(`\bOOM command not allowed when used memory > 'maxmemory'|\bMISCONF Redis is configured to save RDB snapshots`)},
	{"process.segfault", critical, regexp.MustCompile(`(?i)\bsegfault at [0-9a-f]{1,16} ip [0-9a-f]{1,16} sp [0-9a-f]{1,16}|\bsegmentation (?:fault|violation)\b`)},
	{"process.signal", errorLevel, regexp.MustCompile(`(?i)\b(?:killed by|terminated by|received|caught)(?: signal)?[: ]+(?P<signal>SIG[A-Z]{2,6}[0-9]?)\b`)},
	{"process.exit", errorLevel, regexp.MustCompile(`(?i)\bexit(?:ed)?(?: with)?(?: status| code)[ :=]{1,3}(?P<exit>[1-9][0-9]{0,2})\b`)},
	{"disk.full", critical, regexp.MustCompile(`(?i)\b(?:(?P<errno>ENOSPC)\b|no space left on device|disk quota exceeded)`)},
	{"disk.read-only", critical, regexp.MustCompile(`(?i)\bremounting filesystem read-only\b|\bread-only file system\b`)},
	{"disk.failure", critical, regexp.MustCompile(`(?i)\b(?:blk_update_request: )?I/O error, dev [a-z]{2,8}[0-9a-z]{0,8}, sector [0-9]{1,20}\b`)},
	{"files.exhausted", errorLevel, regexp.MustCompile(`(?i)\b(?P<errno>EMFILE|ENFILE)\b|\btoo many open files\b`)},
	{"tls.certificate", errorLevel, regexp.MustCompile(`(?i)\bx509: [a-z ]{1,80}|\bcertificate (?:has expired|is not yet valid|verify failed)|\bCERTIFICATE_VERIFY_FAILED\b`)},
	{"tls.handshake", warning, regexp.MustCompile(`(?i)\b(?:tls|ssl)\b.{0,40}\bhandshake (?:failure|failed|error|timeout)`)},
	{"dns.failure", errorLevel, regexp.MustCompile(`(?i)\b(?:no such host|name or service not known|temporary failure in name resolution|NXDOMAIN|getaddrinfo (?:ENOTFOUND|EAI_AGAIN))\b`)},
	{"network.refused", errorLevel, regexp.MustCompile(`(?i)\b(?:(?P<errno>ECONNREFUSED)\b|connection refused\b)`)},
	{"network.reset", warning, regexp.MustCompile(`(?i)\b(?:(?P<errno>ECONNRESET|EPIPE)\b|connection reset by peer\b|broken pipe\b)`)},
	{"http.access.5xx", errorLevel, regexp.MustCompile(`^\S{1,64} \S{1,64} \S{1,64} \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4}\] "[A-Z]{3,7} \S{1,900} HTTP/[0-9](?:\.[0-9])?" (?P<http>5[0-9]{2}) `)},
	{"http.access.4xx", warning, regexp.MustCompile(`^\S{1,64} \S{1,64} \S{1,64} \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4}\] "[A-Z]{3,7} \S{1,900} HTTP/[0-9](?:\.[0-9])?" (?P<http>4[0-9]{2}) `)},
	{"http.access", info, regexp.MustCompile(`^\S{1,64} \S{1,64} \S{1,64} \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4}\] "[A-Z]{3,7} \S{1,900} HTTP/[0-9](?:\.[0-9])?" (?P<http>[123][0-9]{2}) `)},
	{"nginx.upstream", errorLevel, regexp.MustCompile(`\bupstream (?:prematurely closed connection|sent too big header|timed out) .{0,40}while (?:reading|connecting|sending)`)},
	{"haproxy.down", critical, regexp.MustCompile(`\bServer [\w.-]{1,64}/[\w.-]{1,64} is DOWN, reason: [\w ]{1,40}`)},
	{"network.timeout", errorLevel, regexp.MustCompile(`(?i)\b(?:(?P<errno>ETIMEDOUT)\b|(?:i/o|connect|connection|read|write|gateway) time(?:d )?-?out\b|context deadline exceeded\b)`)},
	{"postgres.deadlock", errorLevel, regexp.MustCompile(`\bERROR: {1,2}(?:(?P<sqlstate>40P01): )?deadlock detected\b`)},
	{"postgres.slow", warning, regexp.MustCompile(`\bduration: [1-9][0-9]{3,12}\.[0-9]{3} ms {1,2}(?:statement|execute [^:]{1,64}|parse [^:]{1,64}|bind [^:]{1,64}): `)},
	{"mysql.error", errorLevel, regexp.MustCompile(`\bERROR [0-9]{4} \((?P<sqlstate>[0-9A-Z]{5})\)(?: at line [0-9]{1,9})?: `)},
	{"sql.state", errorLevel, regexp.MustCompile(`(?i)\bSQL ?STATE(?:[\[(:= ]{1,3})(?P<sqlstate>[0-9A-Z]{5})\b`)},
	{"postgres.fatal", critical, regexp.MustCompile(`\b(?:FATAL|PANIC): {1,2}(?:(?P<sqlstate>[0-9A-Z]{5}): )?\S`)},
	{"redis.failover", errorLevel, regexp.MustCompile(`(?:^|[\s(-])(?:READONLY You can't write|LOADING Redis is loading|CLUSTERDOWN |MASTERDOWN )`)},
	{"mongo.duplicate", errorLevel, regexp.MustCompile(`\bE11000 duplicate key error collection: [\w.-]{1,120}`)},
	{"aws.throttled", warning, regexp.MustCompile(`\b(?:ProvisionedThroughputExceeded|Throttling|TooManyRequests|RequestLimitExceeded|SlowDown)(?:Exception)?\b|\bRate exceeded\b`)},
	{"aws.denied", errorLevel, regexp.MustCompile(`\bAccessDenied(?:Exception)?\b|\bis not authorized to perform: [a-z0-9-]{2,40}:[A-Za-z*]{1,64}`)},
	{"aws.token", errorLevel, regexp.MustCompile(`\b(?:ExpiredToken|InvalidClientTokenId|UnrecognizedClient)(?:Exception)?\b|\bsecurity token included in the request is (?:expired|invalid)`)},
	{"aws.missing", errorLevel, regexp.MustCompile(`\b(?:NoSuchKey|NoSuchBucket|ResourceNotFoundException)\b`)},
	{"grpc.error", errorLevel, regexp.MustCompile(`\brpc error: code = (?P<grpc>[A-Z][A-Za-z]{1,20}) desc = `)},
	{"go.panic", critical, regexp.MustCompile(`^(?:panic: |fatal error: (?:all goroutines are asleep|concurrent map |stack overflow|runtime: ))`)},
	{"python.traceback", errorLevel, regexp.MustCompile(`^(?:\[ERROR\] )?Traceback \(most recent call last\):`)},
	{"python.exception", errorLevel, regexp.MustCompile(`^(?:\[ERROR\] )?(?:[a-z_][a-z0-9_]{0,40}\.){0,8}[A-Z][A-Za-z0-9]{0,60}(?:Error|Exception|Interrupt)(?:: |$)`)},
	{"java.exception", errorLevel, regexp.MustCompile(`(?:^|\s)(?:Caused by: )?(?:[a-z][\w$]{0,40}\.){1,10}[A-Z][\w$]{0,60}(?:Exception|Error)\b`)},
	{"node.unhandled", errorLevel, regexp.MustCompile(`(?i)\b(?:unhandled ?promise ?rejection(?:warning)?|uncaught ?exception)\b`)},
	{"ssh.failed", warning, regexp.MustCompile(`\bsshd\[[0-9]{1,10}\]: Failed (?:password|publickey) for (?:invalid user )?\S{0,64} from (?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]{2,45}) port [0-9]{1,5}\b`)},
	{"sudo.denied", warning, regexp.MustCompile(`\bsudo(?:\[[0-9]{1,10}\])?: {1,4}\S{1,64} : (?:[0-9]{1,2} incorrect password attempts?|user NOT in sudoers)\b`)},
	{"kubernetes.pod", errorLevel, regexp.MustCompile(`\b(?:CrashLoopBackOff|ImagePullBackOff|ErrImagePull|CreateContainerConfigError|Back-off restarting failed container)\b`)},
	{"generic.error", errorLevel, regexp.MustCompile(`(?i)(?:^|[\s\["=:])(?:emerg|alert|fatal|crit(?:ical)?|err(?:or)?|severe)(?:$|[\s\]":,])`)},
	{"generic.warning", warning, regexp.MustCompile(`(?i)(?:^|[\s\["=:])(?:warn(?:ing)?|deprecated)(?:$|[\s\]":,])`)},
}
