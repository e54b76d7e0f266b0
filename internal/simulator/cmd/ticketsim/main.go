// Ticketsim simulates the ticket service of Huawei Cloud on a loopback address, and the
// issuers of credentials for it, so that a pipeline can be tested without an account.
//
// Without a command it serves until SIGINT or SIGTERM. The first line of its output
// is its URL. The commands read or change the state of a running server.
// "ticketsim -h" lists them, and "ticketsim COMMAND -h" describes one.
//
// Serve one ticket, wait until the server answers, and lose the answer to the next message:
//
//	ticketsim -addr 127.0.0.1:8080 -case 'TT1=The disk is slow' &
//	ticketsim wait -url http://127.0.0.1:8080
//	ticketsim faults -url http://127.0.0.1:8080 lost-answer@1
//
// The guide "Test your configuration without a ticket" has more.
//
// The exit status is 0 on success, 1 on failure, and 2 if the arguments are wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const exitDone, exitFailed, exitUsage = 0, 1, 2

// usageError says what is wrong with the arguments.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run does what the arguments say, and returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	var c command
	err := usagef("unknown command %q", name)
	all := append(commands(), serveCommand())
	if i := slices.IndexFunc(all, func(c command) bool { return c.name == name }); i >= 0 {
		c = all[i]
		err = c.run(ctx, args, out)
	}
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintf(errOut, "%s: %v\n", c.title(), err)
	if !errors.As(err, new(usageError)) {
		return exitFailed
	}
	_, _ = fmt.Fprintf(errOut, "Run \"%s -h\" for help.\n", c.title())
	return exitUsage
}

// command is one thing that ticketsim does.
type command struct {
	name      string // "" serves
	usage     string // what follows the name in a usage line
	summary   string // one line for the list of commands
	about     string // more for the command's own help; may be empty
	arguments int    // after the flags; -1 is any number

	// prepare defines the command's flags and returns what to do once they are parsed.
	prepare func(flags *flag.FlagSet) action

	// more writes further help after the flags. nil writes nothing.
	more func(w io.Writer)
}

// action does the work of a command.
type action func(ctx context.Context, call invocation) error

// invocation is what an action works with.
type invocation struct {
	out    io.Writer
	server string // URL, without a trailing slash; "" for serve
	args   []string
}

func (c command) title() string { return strings.TrimSpace("ticketsim " + c.name) }

func (c command) run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet(c.title(), flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run's caller reports errors
	call := invocation{out: out}
	if c.name != "" {
		flags.Func("url", "`URL` of the running server; required", call.setServer)
	}
	do := c.prepare(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c.help(flags, out)
	case err != nil:
		return usageError{err}
	}
	call.args = flags.Args()
	switch {
	case c.name != "" && call.server == "":
		return usagef("-url is required")
	case c.arguments >= 0 && len(call.args) != c.arguments:
		return usagef("wrong number of arguments; flags come before them; usage: %s %s", c.title(), c.usage)
	}
	return do(ctx, call)
}

// help writes the command's help text.
func (c command) help(flags *flag.FlagSet, w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s %s\n\n%s.\n", c.title(), c.usage, c.summary)
	if c.about != "" {
		b.WriteString("\n" + c.about + "\n")
	}
	b.WriteString("\nFlags:\n")
	flags.SetOutput(&b)
	flags.PrintDefaults()
	if c.more != nil {
		b.WriteString("\n")
		c.more(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
