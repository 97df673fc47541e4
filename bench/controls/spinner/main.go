// Command spinner is the known-shift control of coldbench: a function that needs CPU time in init
// and answers every event with null. Linked with percent=2 it does two percent more work, its own
// start included, than linked with percent=0; nothing else differs.
package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// iterations take some 8 ms on a processor of our days.
const iterations = 6_000_000

// percent is set by the linker: how much more work to do.
var percent = "0"

// sink keeps the compiler from seeing that the work is for nothing.
var sink uint64

func spin(count int) {
	state := uint64(88172645463325252)
	for i := 0; i < count; i++ {
		state = state*6364136223846793005 + 1442695040888963407
	}
	sink += state
}

// cpuTime is the CPU time of this process so far, in nanoseconds.
func cpuTime() int64 {
	const processCPUTime = 2
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, processCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func work() {
	before := cpuTime()
	spin(iterations)
	after := cpuTime()
	more, err := strconv.Atoi(percent)
	if err != nil || after <= before {
		os.Exit(3)
	}
	// What came before the work counts as work too, so that the whole is shifted and not a part.
	whole := float64(iterations) * float64(after) / float64(after-before)
	spin(int(whole * float64(more) / 100))
}

func connect() int {
	host, port, found := strings.Cut(os.Getenv("AWS_LAMBDA_RUNTIME_API"), ":")
	number, err := strconv.Atoi(port)
	parts := strings.Split(host, ".")
	if !found || err != nil || len(parts) != 4 {
		os.Exit(4)
	}
	address := syscall.SockaddrInet4{Port: number}
	for i, part := range parts {
		octet, err := strconv.Atoi(part)
		if err != nil {
			os.Exit(4)
		}
		address.Addr[i] = byte(octet)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Connect(fd, &address)
	}
	if err != nil {
		os.Exit(5)
	}
	return fd
}

// exchange sends a request and gives the head of its response; the body is read and dropped.
func exchange(fd int, request string) string {
	if _, err := syscall.Write(fd, []byte(request)); err != nil {
		os.Exit(6)
	}
	buffer := make([]byte, 16384)
	response := ""
	for {
		n, err := syscall.Read(fd, buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			os.Exit(7)
		}
		response += string(buffer[:n])
		head, body, found := strings.Cut(response, "\r\n\r\n")
		if found && len(body) >= contentLength(head) {
			return head
		}
	}
}

func contentLength(head string) int {
	length, err := strconv.Atoi(header(head, "content-length"))
	if err != nil {
		return 0
	}
	return length
}

func header(head, name string) string {
	for _, line := range strings.Split(head, "\r\n") {
		key, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func main() {
	work()
	fd := connect()
	const prefix = "/2018-06-01/runtime/invocation/"
	for {
		head := exchange(fd, "GET "+prefix+"next HTTP/1.1\r\nHost: runtime\r\n\r\n")
		id := header(head, "lambda-runtime-aws-request-id")
		exchange(fd, "POST "+prefix+id+"/response HTTP/1.1\r\nHost: runtime\r\n"+
			"Content-Type: application/json\r\nContent-Length: 4\r\n\r\nnull")
	}
}
