package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// commands is every command but serve, in the order of help texts.
func commands() []command {
	return []command{
		waitCommand(),
		addCommand(),
		replyCommand(),
		statusCommand("close", "Close a ticket", "completed"),
		statusCommand("reopen", "Reopen a closed ticket", "processing"),
		faultsCommand(),
		threadCommand(),
		requestsCommand(),
	}
}

func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

// overview is the end of the help of ticketsim itself.
func overview(w io.Writer) {
	_, _ = io.WriteString(w, "Commands for a running server; each requires -url, and -h describes it:\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		_, _ = fmt.Fprintf(table, "  %s%s\t%s\n", c.name, strings.TrimPrefix(c.usage, "-url URL"), c.summary)
	}
	_ = table.Flush()
	_, _ = io.WriteString(w, `
Environment:
  TICKETSIM_TOKEN  token that the server accepts and that thread sends, unless
                   -token is set (default demo-token)

Exit status: 0 on success, 1 on failure, 2 if the arguments are wrong.
`)
}
