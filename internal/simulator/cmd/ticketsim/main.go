// Ticketsim serves the simulated ticket service on a loopback address.
//
//	ticketsim [flags]                                     serve, until SIGINT or SIGTERM
//	ticketsim thread -url URL [-token T] [-group G] CASE  print a ticket as a thread
//	ticketsim requests -url URL                           count the requests by operation
//
// Its first line of output is its URL.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		stop()
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "ticketsim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "thread":
			return thread(ctx, args[1:], stdout, stderr)
		case "requests":
			return requests(ctx, args[1:], stdout, stderr)
		}
	}
	return serve(ctx, args, stdout, stderr)
}

// defaultToken is what every command uses when it is given none.
func defaultToken() string {
	if t := os.Getenv("TICKETSIM_TOKEN"); t != "" {
		return t
	}
	return "demo-token"
}

// shutdownGrace is for requests under way; those that hang by a fault are cut.
const shutdownGrace = 5 * time.Second

// serve runs the service until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var opts simulator.Options
	var cases []simulator.Case
	flags := flag.NewFlagSet("ticketsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { usage(flags) }
	addr := flags.String("addr", "127.0.0.1:0", "loopback `address` to listen on")
	addrFile := flags.String("addr-file", "", "write the URL to this `file` once listening")
	group := flags.String("group", "", "group `ID` that the tickets require")
	logging := flags.Bool("log", false, "write a line per request to standard error")
	flags.Uint64Var(&opts.Seed, "seed", 0, "`number` from which the rates of faults are drawn")
	flags.Func("token", "`token` to accept; repeatable (default $TICKETSIM_TOKEN, else demo-token)", func(v string) error {
		opts.Tokens = append(opts.Tokens, v)
		return nil
	})
	flags.Func("case", "ticket to begin with, `ID[=description]`; repeatable", func(v string) error {
		id, description, _ := strings.Cut(v, "=")
		if id == "" {
			return errors.New("no ID")
		}
		cases = append(cases, simulator.Case{ID: id, Description: description})
		return nil
	})
	flags.Func("fault", "`fault` to suffer, as listed below; repeatable", func(v string) error {
		f, err := simulator.ParseFault(v)
		opts.Faults = append(opts.Faults, f)
		return err
	})
	flags.Func("user", "`name:password:domain` that may log in; repeatable", func(v string) error {
		name, rest, _ := strings.Cut(v, ":")
		last := strings.LastIndex(rest, ":") // a password may have colons
		if name == "" || last < 1 || last == len(rest)-1 {
			return errors.New("not name:password:domain")
		}
		opts.Users = append(opts.Users, simulator.User{Name: name, Password: rest[:last], Domain: rest[last+1:]})
		return nil
	})
	flags.Func("access-key", "`AK:SK` pair to accept; repeatable", func(v string) error {
		ak, sk, _ := strings.Cut(v, ":")
		if ak == "" || sk == "" {
			return errors.New("not AK:SK")
		}
		opts.AccessKeys = append(opts.AccessKeys, simulator.AccessKey{AccessKey: ak, SecretKey: sk})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if len(opts.Tokens) == 0 {
		opts.Tokens = []string{defaultToken()}
	}
	if *logging {
		opts.Observe = logTo(stderr)
	}

	s, err := simulator.Start(*addr, opts)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // after Shutdown there is nothing left to close
	for _, c := range cases {
		c.GroupID = *group
		s.AddCase(c)
	}
	if *addrFile != "" {
		if err := writeFile(*addrFile, s.URL()+"\n"); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(stdout, s.URL()); err != nil {
		return err
	}
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	return s.Shutdown(grace)
}

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	_, _ = io.WriteString(w, `Usage:
  ticketsim [flags]                                     serve a simulated ticket service
  ticketsim thread -url URL [-token T] [-group G] CASE  print a ticket as a thread
  ticketsim requests -url URL                           count the requests by operation

Flags:
`)
	flags.PrintDefaults()
	_, _ = io.WriteString(w, `
Faults: KIND, KIND@1,3 (the first and third request) or KIND%0.3 (that share of
them), then ?op=, times=, delay=, skew=, retry_after= or location=, joined by &.

`)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range simulator.FaultKinds() {
		doc := k.Doc
		if k.Operation == simulator.OpSubmit && k.Committed {
			doc += "; the message is on the ticket"
		}
		_, _ = io.WriteString(table, "  "+k.Name+"\t"+cmp.Or(k.Operation, "any")+"\t"+doc+"\n")
	}
	_ = table.Flush()
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
