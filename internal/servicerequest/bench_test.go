package servicerequest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// BenchmarkPost measures the happy path, against a server that does nothing.
func BenchmarkPost(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	for name, source := range map[string]credentials.Source{
		"token":      credentials.Token(testToken),
		"access-key": credentials.AccessKey{AccessKey: "AK", SecretKey: "SK"},
	} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, server.URL, func(c *Config) { c.Credentials = source })
			content := strings.Repeat("Some words. ", 50)
			var n atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					post(b, c, Post{CaseID: testCase, Content: fmt.Sprint(content, n.Add(1))}, Submitted)
				}
			})
		})
	}
}
