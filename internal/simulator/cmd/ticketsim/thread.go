package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// ticket is what a thread shows of the service's answer.
type ticket struct {
	ErrorCode string `json:"error_code"`
	ErrorMsg  string `json:"error_msg"`
	Detail    struct {
		ID          string    `json:"incident_id"`
		Status      int       `json:"status"`
		Description string    `json:"simple_description"`
		Messages    []message `json:"message_list"`
	} `json:"incident_detail_info"`
}

type message struct {
	Type        int    `json:"type"`
	Name        string `json:"replier_name"`
	Content     string `json:"content"`
	Time        string `json:"create_time"`
	Accessories []struct {
		Name string `json:"file_actual_name"`
	} `json:"accessory_list"`
}

var statusNames = map[int]string{
	0: "to be accepted", 1: "processing", 2: "awaiting confirmation", 3: "completed",
	4: "cancelled", 5: "suspended", 12: "invalid", 17: "awaiting feedback",
}

// thread prints a ticket of a running simulator.
func thread(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ticketsim thread", flag.ContinueOnError)
	flags.SetOutput(stderr)
	base := flags.String("url", "", "`URL` of the simulator")
	token := flags.String("token", defaultToken(), "`token` that it accepts")
	group := flags.String("group", "", "group `ID` of the ticket")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *base == "" || flags.NArg() != 1 {
		return errors.New("usage: ticketsim thread -url URL [-token T] [-group G] CASE")
	}
	target := *base + "/v2/servicerequest/cases/" + url.PathEscape(flags.Arg(0))
	if *group != "" {
		target += "?group_id=" + url.QueryEscape(*group)
	}
	var t ticket
	if err := get(ctx, target, *token, &t); err != nil {
		return err
	}
	if t.ErrorCode != "" {
		return fmt.Errorf("%s %s", t.ErrorCode, t.ErrorMsg)
	}
	_, err := io.WriteString(stdout, t.String())
	return err
}

func (t ticket) String() string {
	var b strings.Builder
	b.WriteString(t.Detail.ID + " (" + cmp.Or(statusNames[t.Detail.Status], fmt.Sprint("status ", t.Detail.Status)) + ")")
	if t.Detail.Description != "" {
		b.WriteString(": " + t.Detail.Description)
	}
	b.WriteString("\n")
	for i, m := range t.Detail.Messages {
		author := []string{"customer", "engineer"}[min(max(m.Type, 0), 1)]
		if m.Name != "" {
			author = m.Name + " (" + author + ")"
		}
		fmt.Fprintf(&b, "\n#%d  %s  %s\n", i+1, author, m.Time)
		for _, a := range m.Accessories {
			b.WriteString("    [attached: " + a.Name + "]\n")
		}
		for line := range strings.SplitSeq(strings.TrimRight(m.Content, "\n"), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \r") + "\n")
		}
	}
	return b.String()
}

// requests prints how many requests of each operation a running simulator got.
func requests(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ticketsim requests", flag.ContinueOnError)
	flags.SetOutput(stderr)
	base := flags.String("url", "", "`URL` of the simulator")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *base == "" || flags.NArg() != 0 {
		return errors.New("usage: ticketsim requests -url URL")
	}
	var counts map[string]int
	if err := get(ctx, *base+simulator.CountsPath, "", &counts); err != nil {
		return err
	}
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		if _, err := fmt.Fprintln(stdout, op, counts[op]); err != nil {
			return err
		}
	}
	return nil
}

// get reads a JSON answer, an error answer included.
func get(ctx context.Context, target, token string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	resp, err := (&http.Client{}).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	return nil
}
