package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func replyCommand() command {
	return command{
		name:    "reply",
		usage:   "-url URL [-name NAME] CASE TEXT",
		summary: "Add an engineer's answer to a ticket",
		about: `If TEXT is -, the text is read from standard input, without trailing line
breaks. Closed tickets accept answers too.`,
		least: 2,
		most:  2,
		prepare: func(flags *flag.FlagSet) action {
			name := flags.String("name", "", "`name` of the engineer (default none)")
			return func(ctx context.Context, call invocation) error {
				text, err := textOf(call.args[1], call.in)
				if err != nil {
					return err
				}
				return call.server.do(ctx, request{method: http.MethodPost, path: simulator.RepliesPath, body: map[string]any{
					"id": call.args[0], "name": *name, "content": text,
				}}, nil)
			}
		},
	}
}

// maxText is far above the limit of a text; the server knows the limit.
const maxText = 1 << 18

// textOf returns an argument, or standard input if the argument is "-".
func textOf(arg string, in io.Reader) (string, error) {
	if arg == "-" {
		data, err := io.ReadAll(io.LimitReader(in, maxText))
		if err != nil {
			return "", err
		}
		arg = strings.TrimRight(string(data), "\r\n")
	}
	if !utf8.ValidString(arg) {
		return "", errors.New("the text is not valid UTF-8")
	}
	return arg, nil
}
