package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// shutdownGrace is the time for requests under way. Those that a fault hangs are cut.
const shutdownGrace = 5 * time.Second

func serveCommand() command {
	return command{
		usage:   "[flags]\n       ticketsim COMMAND -url URL [flags] [arguments]",
		summary: "Simulate the ticket service on a loopback address",
		about: `Without a command, ticketsim serves until SIGINT or SIGTERM. The first line of its
output is its URL.`,
		prepare: prepareServe,
		more:    overview,
	}
}

// serving is what the flags of serve say.
type serving struct {
	opts     simulator.Options
	cases    []simulator.Case
	addr     string
	addrFile string
	group    string
	log      bool
	version  bool
}

func prepareServe(flags *flag.FlagSet) action {
	var v serving
	flags.StringVar(&v.addr, "addr", "127.0.0.1:0", "loopback `address` to listen on; port 0 picks a free port")
	flags.StringVar(&v.addrFile, "addr-file", "", "write the URL to this `file` once the server listens")
	flags.StringVar(&v.group, "group", "", "group `ID` that requests for the tickets of -case must send (default none)")
	flags.BoolVar(&v.log, "log", false, "log each request to standard error")
	flags.BoolVar(&v.version, "version", false, "print the version and exit")
	flags.BoolVar(&v.opts.AcceptOnClosed, "accept-closed", false, "accept messages on closed tickets instead of refusing them with OSM.01010002")
	flags.Uint64Var(&v.opts.Seed, "seed", 0, "`number` that seeds the random choice of requests for faults with a rate")
	flags.Func("token", "`token` to accept; repeatable (default $TICKETSIM_TOKEN, else demo-token)", func(text string) error {
		v.opts.Tokens = append(v.opts.Tokens, text)
		return nil
	})
	flags.Func("case", "initial ticket, `ID[=DESCRIPTION]`; repeatable", func(text string) error {
		c, err := parseCase(text)
		v.cases = append(v.cases, c)
		return err
	})
	flags.Func("fault", "`fault` to inject; repeatable; \"ticketsim faults -h\" lists the kinds", func(text string) error {
		f, err := simulator.ParseFault(text)
		v.opts.Faults = append(v.opts.Faults, f)
		return err
	})
	flags.Func("user", "`name:password:domain` of a user who may log in; repeatable", func(text string) error {
		name, rest, _ := strings.Cut(text, ":")
		last := strings.LastIndex(rest, ":") // a password may have colons
		if name == "" || last < 1 || last == len(rest)-1 {
			return errors.New("must be name:password:domain")
		}
		v.opts.Users = append(v.opts.Users, simulator.User{Name: name, Password: rest[:last], Domain: rest[last+1:]})
		return nil
	})
	flags.Func("access-key", "`AK:SK` pair to accept; repeatable", func(text string) error {
		ak, sk, _ := strings.Cut(text, ":")
		if ak == "" || sk == "" {
			return errors.New("must be AK:SK")
		}
		v.opts.AccessKeys = append(v.opts.AccessKeys, simulator.AccessKey{AccessKey: ak, SecretKey: sk})
		return nil
	})
	return func(ctx context.Context, call invocation) error {
		if v.version {
			_, err := fmt.Fprintln(call.out, "ticketsim", version)
			return err
		}
		return v.serve(ctx, call.streams)
	}
}

// defaultToken is the token that serve accepts and thread sends by default.
func defaultToken() string {
	if t := os.Getenv("TICKETSIM_TOKEN"); t != "" {
		return t
	}
	return "demo-token"
}

// serve runs the service until ctx ends.
func (v serving) serve(ctx context.Context, s streams) error {
	if len(v.opts.Tokens) == 0 {
		v.opts.Tokens = []string{defaultToken()}
	}
	if v.log {
		v.opts.Observe = logTo(s.err)
	}
	server, err := simulator.Start(v.addr, v.opts)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // after Shutdown there is nothing left to close
	for _, c := range v.cases {
		c.GroupID = v.group
		server.AddCase(c)
	}
	if v.addrFile != "" {
		if err := writeFile(v.addrFile, server.URL()+"\n"); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(s.out, server.URL()); err != nil {
		return err
	}
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	return server.Shutdown(grace)
}

// logTo writes a line for each request. The line has nothing from the headers and the
// body, which have tokens and passwords.
func logTo(w io.Writer) func(simulator.Request) {
	var mu sync.Mutex
	return func(r simulator.Request) {
		line := fmt.Sprintf("%s %s %s status=%d", r.Operation, r.Method, r.Path, r.Status)
		if r.Committed {
			line += " committed"
		}
		if r.Fault != "" {
			line += " fault=" + r.Fault
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(w, line+"\n")
	}
}

// writeFile writes a file in one step: no reader sees a part of it.
func writeFile(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".ticketsim-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once it was renamed
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
