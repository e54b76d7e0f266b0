package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// commands is every command but serve, in the order of help texts.
func commands() []command {
	return []command{
		{name: "wait", usage: "-url URL", summary: "Wait until the server answers, 30 seconds at most", prepare: always(awaitServer)},
		{
			name: "reply", usage: "-url URL CASE TEXT", summary: "Add an engineer's answer to a ticket", arguments: 2,
			about: `Closed tickets accept answers too.`,
			prepare: always(func(ctx context.Context, call invocation) error {
				return call.request(ctx, http.MethodPost, simulator.RepliesPath, map[string]any{"id": call.args[0], "content": call.args[1]})
			}),
		},
		statusCommand("close", "Close a ticket", 3),          // completed
		statusCommand("reopen", "Reopen a closed ticket", 1), // processing
		{
			name: "faults", usage: "-url URL [FAULT ...]", summary: "Replace the faults of the server, or clear them", arguments: -1,
			about: `Without a FAULT, all faults are cleared. A FAULT is one of:

  KIND      affects every request
  KIND@1,3  affects the first and the third request from now on
  KIND%0.3  affects 30 % of the requests, at random

Parameters may follow after a ?, joined by &. A status alone is short for the kind
answer, with the documented code for this status, if any. Examples:

  lost-answer@1,3
  503%0.3
  '429@1?retry_after=2'
  '500?op=list&times=2'
  '401@1?op=assume-with-oidc'
  '502@1?stored=true'
  '200@1?code=OSM.01010014'`,
			prepare: always(func(ctx context.Context, call invocation) error {
				faults := append([]string{}, call.args...) // never null
				return call.request(ctx, http.MethodPut, simulator.FaultsPath, map[string]any{"faults": faults})
			}),
			more: listFaultKinds,
		},
		{
			name: "thread", usage: "-url URL CASE", summary: "Print a ticket and its messages", arguments: 1,
			prepare: always(func(ctx context.Context, call invocation) error {
				return call.request(ctx, http.MethodGet, simulator.ThreadPath+"?id="+url.QueryEscape(call.args[0]), nil)
			}),
		},
		{
			name: "requests", usage: "-url URL", summary: "Count the requests by operation",
			about: `Prints one line for each operation: its name and the number of requests. For
example, "submit 2" means two requests to post a message. Requests of ticketsim's
own commands do not count.`,
			prepare: always(func(ctx context.Context, call invocation) error {
				return call.request(ctx, http.MethodGet, simulator.CountsPath, nil)
			}),
		},
		{
			name: "id-token", usage: "-url URL -audience AUDIENCE [-lifetime TIME]", summary: "Print an ID token, as a pipeline gets it",
			about: `The server gives keys or a token for it, if AUDIENCE is that of an -oidc-provider.`,
			prepare: func(flags *flag.FlagSet) action {
				audience := flags.String("audience", "", "for whom the token is, its `aud`; required")
				lifetime := flags.Duration("lifetime", time.Hour, "`time` after which it expires, in whole seconds")
				return func(ctx context.Context, call invocation) error {
					body := map[string]any{"audience": *audience, "seconds": int(lifetime.Seconds())}
					return call.request(ctx, http.MethodPost, simulator.IDTokensPath, body)
				}
			},
		},
	}
}

// always prepares a command without flags of its own.
func always(do action) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action { return do }
}

func statusCommand(name, summary string, status int) command {
	return command{
		name: name, usage: "-url URL CASE", summary: summary, arguments: 1,
		about: `The server refuses messages on a closed ticket with OSM.01010002.`,
		prepare: always(func(ctx context.Context, call invocation) error {
			return call.request(ctx, http.MethodPut, simulator.StatusPath, map[string]any{"id": call.args[0], "status": status})
		}),
	}
}

// overview is the end of the help of ticketsim itself.
func overview(w io.Writer) {
	_, _ = fmt.Fprintf(w, `Issuers of credentials, at the URL of the server:
  IAM and STS                        URL
  HC_CONTAINER_CREDENTIALS_FULL_URI  URL%s
  ACTIONS_ID_TOKEN_REQUEST_URL       URL%s?api-version=2.0
  instance metadata                  URL instead of http://169.254.169.254

The URNs for STS are iam::ACCOUNT_ID:agency:NAME and iam::ACCOUNT_ID:oidcProvider:NAME.

Commands for a running server; each requires -url, and -h describes it:
`, simulator.PodCredentialsPath, simulator.IDTokenRequestPath)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		_, _ = fmt.Fprintf(table, "  %s%s\t%s\n", c.name, strings.TrimPrefix(c.usage, "-url URL"), c.summary)
	}
	_ = table.Flush()
	_, _ = io.WriteString(w, `
Environment:
  TICKETSIM_TOKEN  token that the server accepts (default demo-token)

Exit status: 0 on success, 1 on failure, 2 if the arguments are wrong.
`)
}

func listFaultKinds(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(table, "Kinds:\n")
	for _, k := range simulator.FaultKinds() {
		doc := k.Doc
		if len(k.Parameters) > 0 {
			doc += " (" + strings.Join(k.Parameters, ", ") + ")"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", k.Name, doc)
	}
	_, _ = io.WriteString(table, "\nParameters; each kind takes op and times:\n")
	new(simulator.Fault).Parameters().VisitAll(func(p *flag.Flag) {
		_, _ = fmt.Fprintf(table, "  %s=\t%s\n", p.Name, p.Usage)
	})
	_ = table.Flush()
}
