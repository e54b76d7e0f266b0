package servicerequest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkSubmit measures the happy path, against a server that does nothing.
func BenchmarkSubmit(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the baseline, once
			_, _ = io.WriteString(w, `{"count":0,"message_list":[]}`)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	for name, credentials := range map[string]Credentials{
		"token":      Token(testToken),
		"access-key": AccessKey{AccessKey: "AK", SecretKey: "SK"},
	} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, server.URL, func(c *Config) { c.Credentials = credentials })
			content := strings.Repeat("Some words. ", 50)
			var n atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.Submit(b.Context(), Submission{CaseID: testCase, Content: fmt.Sprint(content, n.Add(1))}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkAuthenticate measures the authentication, which is a part of that.
func BenchmarkAuthenticate(b *testing.B) {
	body := []byte(`{"message":{"content":"` + strings.Repeat("Some words. ", 50) + `"}}`)
	for name, credentials := range map[string]Credentials{
		"token":      Token(testToken),
		"access-key": AccessKey{AccessKey: "AK", SecretKey: "SK"},
	} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, "http://127.0.0.1:1", func(c *Config) { c.Credentials = credentials })
			b.ReportAllocs()
			for b.Loop() {
				req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:1/v2/servicerequest/cases/x/message", nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := c.auth.authenticate(b.Context(), req, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCheck measures a check of a ticket with a hundred long messages.
func BenchmarkCheck(b *testing.B) {
	own := newOwnText(strings.Repeat("<b>Some words.</b> ", 500))
	l := listing{messages: make([]Message, 100)}
	for i := range l.messages {
		l.messages[i].Content = fmt.Sprint(i, strings.Repeat("<i>Some other words.</i> ", 400))
	}
	before := newBaseline(listing{messages: l.messages[:90]})
	b.Run("baseline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = before.judge(l, own)
		}
	})
	b.Run("key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = before.judgeKey(l, own, "[deploy 4711]")
		}
	})
}
