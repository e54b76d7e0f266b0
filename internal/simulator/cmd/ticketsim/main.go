// Ticketsim simulates the ticket service of Huawei Cloud on a loopback address,
// so that a pipeline can be tested without the service.
//
// Without a command it serves until SIGINT or SIGTERM. The first line of its output
// is its URL. The commands read or change the state of a running server.
// "ticketsim -h" lists them, and "ticketsim COMMAND -h" describes one.
//
// Serve one ticket, and wait until the server answers:
//
//	ticketsim -addr 127.0.0.1:8080 -case 'TT1=The disk is slow' &
//	ticketsim wait -url http://127.0.0.1:8080
//
// Test a configuration against it, and look at the ticket:
//
//	export SERVICEREQUEST_ENDPOINT=http://127.0.0.1:8080 SERVICEREQUEST_TOKEN=demo-token
//	terraform apply -auto-approve
//	ticketsim thread -url http://127.0.0.1:8080 TT1
//	ticketsim requests -url http://127.0.0.1:8080
//
// Answer and close the ticket, as an engineer would:
//
//	ticketsim reply -url http://127.0.0.1:8080 -name Ada TT1 'We are on it.'
//	ticketsim close -url http://127.0.0.1:8080 TT1
//
// Lose the answer to the next message, then clear the faults:
//
//	ticketsim faults -url http://127.0.0.1:8080 lost-answer@1
//	ticketsim faults -url http://127.0.0.1:8080
//
// The exit status is 0 on success, 1 on failure, and 2 if the arguments are wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	// For the time zones of requests: Windows and small images have none.
	_ "time/tzdata"
)

// version is set by the release build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError says what is wrong with the arguments.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run does what the arguments say, and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	cmd := serveCommand()
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		var ok bool
		if cmd, ok = find(args[0]); !ok {
			return fail(s, "ticketsim", usagef("unknown command %q", args[0]))
		}
		args = args[1:]
	}
	if err := cmd.run(ctx, args, s); err != nil {
		return fail(s, cmd.title(), err)
	}
	return exitDone
}

func fail(s streams, title string, err error) int {
	_, _ = fmt.Fprintf(s.err, "%s: %v\n", title, err)
	if !errors.As(err, new(usageError)) {
		return exitFailed
	}
	_, _ = fmt.Fprintf(s.err, "Run \"%s -h\" for help.\n", title)
	return exitUsage
}
