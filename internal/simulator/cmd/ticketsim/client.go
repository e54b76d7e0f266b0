package main

import (
	"bytes"
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

// setServer takes the URL of the server.
func (call *invocation) setServer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return errors.New("must be a URL such as http://127.0.0.1:8080")
	}
	call.server = strings.TrimRight(text, "/")
	return nil
}

// request makes one request of the server and prints the answer. body is sent as JSON;
// nil is none.
func (call invocation) request(ctx context.Context, method, path string, body map[string]any) error {
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body) // texts and numbers
	}
	req, err := http.NewRequestWithContext(ctx, method, call.server+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: requestTimeout}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.Header.Get("Server") != simulator.ServerName {
		return fmt.Errorf("status %d: the answer is not from ticketsim", resp.StatusCode)
	}
	answer, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(string(answer))
	}
	_, err = call.out.Write(answer)
	return err
}

// awaitServer returns once the server answers. When the time is up first, it returns
// the error of the last attempt that this did not cut short.
func awaitServer(ctx context.Context, call invocation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	call.out = io.Discard
	pause := time.NewTicker(pollInterval)
	defer pause.Stop()
	var last error
	for {
		err := call.request(ctx, http.MethodGet, simulator.CountsPath, nil)
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
