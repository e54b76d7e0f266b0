package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

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
	podFile  string
}

func prepareServe(flags *flag.FlagSet) action {
	v := serving{opts: simulator.Options{Tokens: []string{token()}}}
	flags.StringVar(&v.addr, "addr", "127.0.0.1:0", "loopback `address` to listen on; port 0 picks a free port")
	flags.StringVar(&v.addrFile, "addr-file", "", "write the URL to this `file` once the server listens")
	flags.Func("case", "initial ticket, `ID[=DESCRIPTION]`; repeatable", func(text string) error {
		var c simulator.Case
		if c.ID, c.Description, _ = strings.Cut(text, "="); c.ID == "" {
			return errors.New("must begin with an ID")
		}
		v.cases = append(v.cases, c)
		return nil
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
	pair := func(name, usage, separator string, add func(left, right string)) {
		flags.Func(name, usage, func(text string) error {
			left, right, _ := strings.Cut(text, separator)
			if left == "" || right == "" {
				return fmt.Errorf("must have two parts with %s between them", separator)
			}
			add(left, right)
			return nil
		})
	}
	pair("access-key", "`AK:SK` pair to accept; repeatable", ":", func(ak, sk string) {
		v.opts.AccessKeys = append(v.opts.AccessKeys, simulator.AccessKey{AccessKey: ak, SecretKey: sk})
	})
	pair("agency", "`ACCOUNT_ID:NAME` of an agency; the account's name is its ID, too", ":", func(id, name string) {
		v.opts.Agency = simulator.Agency{Name: name, DomainID: id, DomainName: id}
	})
	pair("oidc-provider", "`NAME=AUDIENCE` of an identity provider that the agency trusts; repeatable", "=", func(name, audience string) {
		v.opts.Providers = append(v.opts.Providers, simulator.OIDCProvider{Name: name, Audience: audience})
	})
	flags.StringVar(&v.podFile, "pod-token-file", "", "give the agency's keys to a pod that sends the content of this `file`")
	flags.BoolVar(&v.opts.ECSAgency, "ecs-agency", false, "give the agency's keys as instance metadata, too")
	flags.StringVar(&v.opts.IDTokenRequestToken, "id-token-request-token", "", "give ID tokens, as GitHub does, for this `token`")
	flags.DurationVar(&v.opts.CredentialLifetime, "credential-lifetime", 0, "`time` after which keys of the agency and tokens for ID tokens expire (default as asked)")
	return v.serve
}

// token is the token that serve accepts.
func token() string { return cmp.Or(os.Getenv("TICKETSIM_TOKEN"), "demo-token") }

// readPodToken reads the token of a pod. It refuses issuers without an agency.
func (v *serving) readPodToken() error {
	if v.opts.Agency.Name == "" && (len(v.opts.Providers) > 0 || v.podFile != "" || v.opts.ECSAgency) {
		return usagef("-oidc-provider, -pod-token-file and -ecs-agency require -agency")
	}
	if v.podFile == "" {
		return nil
	}
	content, err := os.ReadFile(v.podFile)
	v.opts.PodToken = strings.TrimSpace(string(content))
	return err
}

// serve runs the service until ctx ends.
func (v *serving) serve(ctx context.Context, call invocation) error {
	if err := v.readPodToken(); err != nil {
		return err
	}
	server, err := simulator.Start(v.addr, v.opts)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the program ends
	for _, c := range v.cases {
		server.AddCase(c)
	}
	if v.addrFile != "" {
		// No reader must see a part of it.
		part := v.addrFile + ".part"
		if err := os.WriteFile(part, []byte(server.URL()+"\n"), 0o600); err != nil {
			return err
		}
		if err := os.Rename(part, v.addrFile); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(call.out, server.URL()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
