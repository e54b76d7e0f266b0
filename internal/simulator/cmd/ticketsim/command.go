package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// command is one thing that ticketsim does.
type command struct {
	name        string // "" serves
	usage       string // flags and arguments, as a usage line has them; -url comes first
	summary     string // one line for the list of commands
	about       string // more for the command's own help; may be empty
	least, most int    // number of arguments after the flags; most < 0 is no limit

	// prepare defines the command's flags and returns what to do once they are
	// parsed.
	prepare func(flags *flag.FlagSet) action

	// more writes further help after the flags. nil writes nothing.
	more func(w io.Writer)
}

// action does the work of a command.
type action func(ctx context.Context, call invocation) error

// invocation is what an action works with.
type invocation struct {
	streams
	server client // of every command but serve
	args   []string
}

func (c command) title() string { return strings.TrimSpace("ticketsim " + c.name) }

// remote reports whether the command talks to a running server.
func (c command) remote() bool { return c.name != "" }

func (c command) run(ctx context.Context, args []string, s streams) error {
	flags := flag.NewFlagSet(c.title(), flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run's caller reports errors
	call := invocation{streams: s}
	if c.remote() {
		flags.Func("url", "`URL` of the running server; required", func(v string) (err error) {
			call.server, err = newClient(v)
			return err
		})
	}
	do := c.prepare(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c.help(flags, s.out)
	case err != nil:
		return usageError{err}
	}
	call.args = flags.Args()
	switch {
	case c.remote() && call.server.base == "":
		return usagef("-url is required")
	case len(call.args) < c.least:
		return usagef("missing argument; usage: %s %s", c.title(), c.usage)
	case c.most >= 0 && len(call.args) > c.most:
		return usagef("unexpected argument %q; flags come before the arguments", call.args[c.most])
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

// baseURL reads the URL of a server.
func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("must be a URL such as http://127.0.0.1:8080")
	}
	return strings.TrimRight(text, "/"), nil
}
