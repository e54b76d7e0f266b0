package servicerequest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// gateway lets so many requests a second through to a simulated service, and throttles the others.
type gateway struct {
	service    *simulator.Simulator
	rate       int
	retryAfter string

	mu      sync.Mutex
	second  time.Time
	passed  int // in this second
	allowed int // in all
}

func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
	time.Sleep(20 * time.Millisecond) // on the way
	answer := httptest.NewRecorder()
	if g.admits() {
		g.service.ServeHTTP(answer, r)
	} else {
		if g.retryAfter != "" {
			answer.Header().Set("Retry-After", g.retryAfter)
		}
		answer.WriteHeader(http.StatusTooManyRequests)
	}
	result := answer.Result()
	result.ContentLength = int64(answer.Body.Len())
	return result, nil
}

func (g *gateway) admits() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now().Truncate(time.Second); !now.Equal(g.second) {
		g.second, g.passed = now, 0
	}
	if g.passed == g.rate {
		return false
	}
	g.passed++
	g.allowed++
	return true
}

// On a release day many pipelines meet one account's limit. Throttled is not failed: each message is posted, once, in
// little more time than the gateway needs to let the requests through.
func TestHerd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		clients, rate, seeded int
		retryAfter            string
	}{
		{40, 4, 0, ""}, {60, 10, 120, "1"},
	} {
		t.Run(fmt.Sprintf("%+v", tc), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := simulator.New(simulator.Options{Tokens: []string{"token"}})
				service.AddCase(simulator.Case{ID: "case-1"})
				for i := range tc.seeded {
					service.AddMessage("case-1", simulator.Message{Content: fmt.Sprint("Before ", i)})
				}
				g := &gateway{service: service, rate: tc.rate, retryAfter: tc.retryAfter}
				began := time.Now()
				var wait sync.WaitGroup
				for i := range tc.clients {
					wait.Go(func() { // a run of its own
						endpoint, _ := servicerequest.ParseEndpoint("https://osm.example.com")
						client := servicerequest.New(servicerequest.Config{Endpoint: endpoint, Credentials: credentials.Token("token")})
						client.SetTransport(g)
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
						defer cancel()
						m := delivery.Message{CaseID: "case-1", Content: fmt.Sprint("Release is live ", i), Key: fmt.Sprintf("deploy %d", i)}
						if _, _, err := delivery.New(client, delivery.Config{}).Deliver(ctx, m); err != nil {
							t.Errorf("client %d: %v", i, err)
						}
					})
				}
				wait.Wait()
				took, needed := time.Since(began), time.Duration(g.allowed)*time.Second/time.Duration(tc.rate)
				texts := map[string]bool{}
				for _, m := range service.Messages("case-1") {
					texts[m.Content] = true
				}
				if n := len(service.Messages("case-1")); n != tc.clients+tc.seeded || n != len(texts) {
					t.Errorf("%d messages with %d texts", n, len(texts))
				}
				if float64(took) > 1.5*float64(needed) {
					t.Errorf("it took %v, and the gateway needs %v for %d requests", took, needed, g.allowed)
				}
			})
		})
	}
}
