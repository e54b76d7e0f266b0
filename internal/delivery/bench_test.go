package delivery

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// steadyTicket accepts every message, and always has the same list.
type steadyTicket []servicerequest.Message

func (steadyTicket) Post(context.Context, servicerequest.Post) (servicerequest.Attempt, error) {
	return servicerequest.Attempt{Outcome: servicerequest.Submitted, Ended: time.Now()}, nil
}

func (t steadyTicket) List(context.Context, string, string) (servicerequest.Listing, error) {
	return servicerequest.Listing{Began: time.Now(), Messages: t}, nil
}

// hurriedClock does not wait.
type hurriedClock struct{ servicerequest.Clock }

func (hurriedClock) Sleep(context.Context, time.Duration) error { return nil }

// BenchmarkDeliver measures what a run adds to the requests for one message on a ticket that has 2,000. With a key,
// the ticket is searched before and after.
func BenchmarkDeliver(b *testing.B) {
	ticket := make(steadyTicket, 2000)
	for i := range ticket {
		ticket[i].Content = fmt.Sprintf("[deploy %d] Release 1.4.%d is live in eu-west-101. The connection resets have stopped; please close the ticket.", i, i)
	}
	for name, key := range map[string]string{"keyed": "deploy 4711", "unkeyed": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _, err := New(ticket, Config{Clock: hurriedClock{servicerequest.SystemClock}}).Deliver(b.Context(), Message{CaseID: testCase, Content: "Release 2.0.0 is live.", Key: key})
				if err != nil || r.ConfirmedBy != ByResponse {
					b.Fatal(r, err)
				}
			}
		})
	}
}
