package simulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

const submitPath = "/v2/servicerequest/cases/case-123/message"

var client = &http.Client{Transport: &http.Transport{}}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// service is a simulator with a token "t", a ticket case-123 and a clock that
// stands still.
func service(opts Options) *Simulator {
	opts.Tokens = append(opts.Tokens, "t")
	if opts.Clock == nil {
		opts.Clock = func() time.Time { return epoch }
	}
	s := New(opts)
	s.AddCase(Case{ID: "case-123"})
	return s
}

// ask sends a request with the token and, where there is a body, its type.
func ask(t *testing.T, h http.Handler, method, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", "t")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		if c != nil {
			c(r)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func bodyOf(r *httptest.ResponseRecorder) string { return r.Body.String() }

// check reports a difference between what a test got and what it wants.
func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// faults are ParseFault of texts that must be right.
func faults(t *testing.T, texts ...string) (out []Fault) {
	t.Helper()
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func TestSubmit(t *testing.T) {
	for jsonAnswers, want := range map[bool]string{false: "", true: "{}"} {
		var observed []Request
		s := service(Options{JSONAnswers: jsonAnswers, Observe: func(r Request) { observed = append(observed, r) }})
		r := ask(t, s, "POST", submitPath, `{"group_id":"123456","message":{"content":"test","accessory_ids":["a"]}}`)
		check(t, "answer", fmt.Sprint(r.Code, " ", bodyOf(r)), "200 "+want)
		check(t, "Date", r.Header().Get("Date"), "Fri, 02 Jan 2026 03:04:05 GMT")
		got := s.Messages("case-123")
		if len(got) != 1 || got[0].Content != "test" || got[0].AccessoryIDs[0] != "a" || !got[0].CreateTime.Equal(epoch) {
			t.Errorf("messages %+v", got)
		}
		for range 2 { // it does not count itself
			check(t, "counts", bodyOf(ask(t, s, "GET", CountsPath, "", anonymous)), "submit 1\n")
		}
		req := s.Requests()
		if len(req) != 1 || !req[0].Committed || req[0].Status != 200 || req[0].Operation != OpSubmit || req[0].Path != submitPath ||
			req[0].RequestID != r.Header().Get("X-Request-Id") || req[0].Header.Get("X-Auth-Token") != "t" || !strings.Contains(string(req[0].Body), "test") {
			t.Errorf("recorded %+v", req)
		}
		if !reflect.DeepEqual(observed, req) {
			t.Errorf("observed %+v", observed)
		}
	}
}

func TestServer(t *testing.T) {
	s, err := Start("", Options{Tokens: []string{"t"}, Faults: faults(t, "slow@1?stored=true", "lost-answer@2", "truncated@3?stored=true", "huge@4?stored=true")})
	if err != nil {
		t.Fatal(err)
	}
	s.AddCase(Case{ID: "case-123"})
	post := func() (n int64, err error) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+submitPath, strings.NewReader(`{"message":{"content":"test"}}`))
		r.Header.Set("X-Auth-Token", "t")
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err == nil {
			n, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		return n, err
	}
	hung := make(chan error)
	go func() {
		_, err := post()
		hung <- err
	}()
	for len(s.Messages("case-123")) == 0 {
		runtime.Gosched()
	}
	if _, err := post(); err == nil {
		t.Error("lost-answer answered")
	}
	if _, err := post(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: %v", err)
	}
	if n, err := post(); n < 100<<20 || err != nil {
		t.Errorf("huge: %d bytes, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-hung; err == nil {
		t.Error("slow answered")
	}
	for _, r := range s.Requests() {
		if !r.Committed || (r.Status == 200) != (r.Fault == "truncated" || r.Fault == "huge") || r.Fault == "" {
			t.Errorf("recorded %+v", r)
		}
	}
}
