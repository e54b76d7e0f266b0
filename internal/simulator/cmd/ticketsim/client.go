package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	requestTimeout = 30 * time.Second
	pollInterval   = 50 * time.Millisecond // between two attempts of wait
	maxAnswer      = 256 << 20             // bytes; a ticket may have many long messages
)

// client talks to a running server.
type client struct{ base string }

// set takes the URL of the server.
func (c *client) set(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return errors.New("must be a URL such as http://127.0.0.1:8080")
	}
	c.base = strings.TrimRight(text, "/")
	return nil
}

// do sends a JSON body, nil for none, and reads the JSON answer into v.
func (c client) do(ctx context.Context, method, path string, body map[string]any, v any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body) // texts and numbers
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("X-Auth-Token", token()) // only the service itself wants it
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	// An error of the service can come with status 200, too.
	var f struct {
		Error string `json:"error"`
		Code  string `json:"error_code"`
		Msg   string `json:"error_msg"`
	}
	if err := json.Unmarshal(answer, &f); err != nil {
		return fmt.Errorf("status %d: the answer is not from ticketsim: %w", resp.StatusCode, err)
	}
	refusal := cmp.Or(f.Error, strings.TrimSpace(f.Code+" "+f.Msg))
	if refusal != "" || resp.StatusCode != http.StatusOK {
		return errors.New(cmp.Or(refusal, fmt.Sprintf("status %d", resp.StatusCode)))
	}
	return json.Unmarshal(answer, v)
}

// awaitServer returns once the server answers. When the time is up first, it returns
// the error of the last attempt that this did not cut short.
func awaitServer(ctx context.Context, call invocation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	pause := time.NewTicker(pollInterval)
	defer pause.Stop()
	var last error
	for {
		var counts map[string]int
		err := call.server.do(ctx, http.MethodGet, simulator.CountsPath, nil, &counts)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", last)
		}
	}
}
