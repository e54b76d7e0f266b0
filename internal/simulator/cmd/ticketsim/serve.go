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

// shutdownGrace is for requests under way; those that hang by a fault are cut.
const shutdownGrace = 5 * time.Second

func serveCommand() command {
	return command{
		usage:   "[flags]\n       ticketsim COMMAND -url URL [flags] [arguments]",
		summary: "Simulate the ticket service on a loopback address",
		about: `Without a command ticketsim serves until SIGINT or SIGTERM. Its first line of
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
	flags.StringVar(&v.addr, "addr", "127.0.0.1:0", "loopback `address` to listen on; port 0 is any free port")
	flags.StringVar(&v.addrFile, "addr-file", "", "write the URL to this `file` once listening")
	flags.StringVar(&v.group, "group", "", "group `ID` that requests about the tickets of -case must name (default none)")
	flags.BoolVar(&v.log, "log", false, "write a line per request to standard error")
	flags.BoolVar(&v.version, "version", false, "print the version, and do not serve")
	flags.BoolVar(&v.opts.AcceptOnClosed, "accept-closed", false, "accept messages on closed tickets instead of refusing them with OSM.01010002")
	flags.Uint64Var(&v.opts.Seed, "seed", 0, "`number` from which the rates of faults are drawn")
	flags.Func("token", "`token` to accept; repeatable (default $TICKETSIM_TOKEN, else demo-token)", func(text string) error {
		v.opts.Tokens = append(v.opts.Tokens, text)
		return nil
	})
	flags.Func("case", "ticket to begin with, `ID[=DESCRIPTION]`; repeatable", func(text string) error {
		c, err := parseCase(text)
		v.cases = append(v.cases, c)
		return err
	})
	flags.Func("fault", "`fault` to suffer; repeatable; \"ticketsim faults -h\" lists the kinds", func(text string) error {
		f, err := simulator.ParseFault(text)
		v.opts.Faults = append(v.opts.Faults, f)
		return err
	})
	flags.Func("user", "`name:password:domain` that may log in; repeatable", func(text string) error {
		name, rest, _ := strings.Cut(text, ":")
		last := strings.LastIndex(rest, ":") // a password may have colons
		if name == "" || last < 1 || last == len(rest)-1 {
			return errors.New("not name:password:domain")
		}
		v.opts.Users = append(v.opts.Users, simulator.User{Name: name, Password: rest[:last], Domain: rest[last+1:]})
		return nil
	})
	flags.Func("access-key", "`AK:SK` pair to accept; repeatable", func(text string) error {
		ak, sk, _ := strings.Cut(text, ":")
		if ak == "" || sk == "" {
			return errors.New("not AK:SK")
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

// defaultToken is what serve accepts and thread sends when they are given none.
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

// logTo writes a line per request: nothing from its headers or body, where
// tokens and passwords are.
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

// writeFile writes a file that others only ever see whole.
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
