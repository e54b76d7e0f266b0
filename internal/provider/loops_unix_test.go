//go:build unix

package provider

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// These tests are about unattended runs: pipelines that repeat a job, controllers that
// apply again and again, pods that are killed.

const loopSeed = 11

// trap sends a signal to a run as soon as a number of requests were answered.
type trap struct {
	mu     sync.Mutex
	left   int
	spring func()
}

func (p *trap) set(requests int, spring func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.spring = requests, spring
}

func (p *trap) observe(simulator.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spring == nil {
		return
	}
	if p.left--; p.left <= 0 {
		p.spring()
		p.spring = nil
	}
}

// keyedMessages are messages with different keys, as in a runbook.
func keyedMessages(n int) string {
	return fmt.Sprintf(`
resource "servicerequest_case_message" "step" {
  count           = %d
  case_id         = "TT201801020526"
  content         = "Step ${count.index} is <b>done</b>"
  idempotency_key = "run 4711.${count.index}"

  lifecycle {
    create_before_destroy = true
  }
}`, n)
}

// A pod applies again and again, and is killed before or after a message is on the
// ticket. Answers go missing, too, and a third of the runs begins without a state.
func TestKilledAtRandomPoints(t *testing.T) {
	t.Parallel()
	const messages, kills = 8, 6
	random := rand.New(rand.NewPCG(loopSeed, 1))
	var p trap
	f := newFixture(t, simulator.Options{Seed: loopSeed, Observe: p.observe, Faults: []simulator.Fault{
		{Kind: "slow", Stored: true, Rate: 0.3, Delay: 300 * time.Millisecond}, {Kind: "lost-answer", Rate: 0.1},
	}})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(keyedMessages(messages))})
	for i := range kills {
		if i%3 == 2 {
			c.loseState()
		}
		cmd, signal := c.start("apply", "-auto-approve", "-parallelism=3")
		kill := func() { signal(syscall.SIGKILL) }
		if before := len(f.contents()); i%2 == 0 && before < messages {
			// A message is on the ticket, and its answer may still be on the way.
			eventually(t, "a message", func() bool { return len(f.contents()) > before })
			kill()
		} else {
			// A run makes one list, and one request for each message that is not posted yet.
			p.set(1+random.IntN(3), kill)
		}
		c.ended(cmd, cmd.Wait())
		p.set(0, nil)
	}
	c.run("apply", "-auto-approve")
	var want []string
	for i := range messages {
		want = append(want, fmt.Sprintf("[run 4711.%d] Step %d is <b>done</b>", i, i))
	}
	f.wantContents(t, want...)
	c.run("plan", "-detailed-exitcode")
}

// Drift detection and refresh need neither credentials nor an endpoint, and make no
// request. A prune still removes the messages from the state.
func TestMessagesWithoutCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	const body = `
resource "servicerequest_case_message" "test" {
  count   = 3
  case_id = "TT201801020526"
  content = "The same words"
}`
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(body)})
	c.run("apply", "-auto-approve")
	f.Reset()

	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`+body)
	c.run("plan", "-detailed-exitcode")
	c.run("plan", "-refresh-only", "-detailed-exitcode")
	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`)
	removed := c.run("apply", "-auto-approve")
	wantAll(t, removed.output(), "3 destroyed")
	if cliHas(t, 3, 0) { // before, Terraform does not ask a provider about a destroy
		wantAll(t, removed.output(), "The message stays on the ticket")
	}
	if n := len(f.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
