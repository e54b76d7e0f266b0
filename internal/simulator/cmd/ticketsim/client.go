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
	"time"
)

const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 256 << 20 // bytes; a ticket may have many long messages
)

// client talks to a running server.
type client struct{ base string }

func newClient(text string) (client, error) {
	base, err := baseURL(text)
	return client{base}, err
}

// request is a request to a server.
type request struct {
	method string
	path   string // with its query
	token  string // "" sends none; the simulator's own endpoints need none
	body   any    // nil is none
}

// failure is how the service and the simulator's own endpoints report errors.
type failure struct {
	Error string `json:"error"`
	Code  string `json:"error_code"`
	Msg   string `json:"error_msg"`
}

// do sends a request and reads the JSON answer into v. nil reads nothing.
func (c client) do(ctx context.Context, r request, v any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader = http.NoBody
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, body)
	if err != nil {
		return err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("X-Auth-Token", r.token)
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
	return decode(resp.StatusCode, answer, v)
}

// decode reads an answer. An error can come with status 200, too.
func decode(status int, answer []byte, v any) error {
	var f failure
	if err := json.Unmarshal(answer, &f); err != nil {
		return fmt.Errorf("status %d: the answer is not from ticketsim: %w", status, err)
	}
	switch {
	case f.Code != "":
		return fmt.Errorf("%s %s", f.Code, f.Msg)
	case f.Error != "" || status != http.StatusOK:
		return errors.New(cmp.Or(f.Error, fmt.Sprintf("status %d", status)))
	case v == nil:
		return nil
	}
	return json.Unmarshal(answer, v)
}
