//go:build unix

package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// These tests are about unattended runs: pipelines that repeat a job, controllers that
// apply again and again, pods that are killed. Each counts the messages that are on
// the ticket in the end.

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

// wantOnce fails unless each of n keyed messages is on the ticket once.
func wantOnce(t *testing.T, f *fixture, n int) {
	t.Helper()
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("[run 4711.%d] Step %d is <b>done</b>", i, i))
	}
	got := f.contents()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the ticket has %q", got)
	}
}

// Killed at 20 random points of an apply of 20 messages.
func TestKilledAtRandomPoints(t *testing.T) {
	t.Parallel()
	const messages, kills = 20, 20
	random := rand.New(rand.NewPCG(loopSeed, 1))
	var p trap
	f := newFixture(t, simulator.Options{Seed: loopSeed, Observe: p.observe, Faults: []simulator.Fault{
		{Kind: "slow", Stored: true, Rate: 0.3, Delay: 300 * time.Millisecond},
	}})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(keyedMessages(messages))})
	for i := range kills {
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
	wantOnce(t, f, messages)
	wantAll(t, c.run("plan").stdout, "No changes")
	t.Logf("%d submits for %d messages", f.Count(simulator.OpSubmit), messages)
}

// A controller applies each time it is called, however the last time ended. A third of
// its runs are killed, and 30% of the requests go wrong.
func TestReconciliationConverges(t *testing.T) {
	t.Parallel()
	const messages, calls = 5, 20
	for _, mode := range []string{"state kept", "state lost each time", "the same saved plan"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(loopSeed, 2))
			var p trap
			f := newFixture(t, simulator.Options{Seed: loopSeed, Observe: p.observe, Faults: []simulator.Fault{
				{Kind: "lost-answer", Rate: 0.1}, {Kind: "500", Stored: true, Rate: 0.1}, {Kind: "429", Rate: 0.05}, {Kind: "cut", Rate: 0.05, Times: 2},
				{Kind: "500", Rate: 0.3, Operation: simulator.OpList},
			}})
			c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(keyedMessages(messages))})
			args := []string{"apply", "-auto-approve"}
			if mode == "the same saved plan" {
				c.run("plan", "-out=saved.tfplan")
				args = []string{"apply", "saved.tfplan"}
			}
			last := ""
			for call := range calls {
				if mode == "state lost each time" {
					_ = os.Remove(filepath.Join(c.dir, "terraform.tfstate"))
				}
				cmd, signal := c.start(args...)
				if call%3 == 0 && call < calls-1 {
					kill := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[call/3%2]
					p.set(1+random.IntN(messages), func() { signal(kill) })
				}
				last = c.ended(cmd, cmd.Wait()).output()
				p.set(0, nil)
			}
			wantOnce(t, f, messages)
			switch mode {
			case "the same saved plan": // it is used up by the run that saved a state
				if cliHas(t, 5, 0) {
					wantAll(t, last, "Saved plan is stale")
				} else { // Terraform 1.0 applies a first plan again
					wantAll(t, last, "Apply complete!")
				}
			case "state kept":
				wantAll(t, last, "No changes")
			default:
				wantAll(t, last, "Apply complete!")
			}
			t.Logf("%d submits and %d lists for %d messages", f.Count(simulator.OpSubmit), f.Count(simulator.OpList), messages)
		})
	}
}

// A replacement that fails and is reverted posts nothing twice, whether the state still
// has the old message or not.
func TestFailedReplacementIsReverted(t *testing.T) {
	t.Parallel()
	for _, createFirst := range []bool{true, false} {
		message := func(release string) string {
			return fmt.Sprintf(`
resource "servicerequest_case_message" "release" {
  case_id         = "TT201801020526"
  content         = "It is live"
  idempotency_key = "release %[1]s"

  lifecycle {
    create_before_destroy = %[2]t
  }
}`, release, createFirst)
		}
		f := newFixture(t, simulator.Options{})
		c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(message("1.4.0"))})
		c.run("apply", "-auto-approve")
		f.SetFaults(simulator.Fault{Kind: "403"})
		c.write("main.tf", requiredProvider+f.config(message("1.4.1")))
		c.fail("apply", "-auto-approve")
		f.SetFaults()
		c.write("main.tf", requiredProvider+f.config(message("1.4.0")))
		c.run("apply", "-auto-approve")
		if got := f.contents(); !slices.Equal(got, []string{"[release 1.4.0] It is live"}) {
			t.Errorf("create_before_destroy = %t: the ticket has %q", createFirst, got)
		}
	}
}

// Drift detection and refresh need neither credentials nor an endpoint, and make no
// request. A prune still removes the messages from the state.
func TestManyMessagesWithoutCredentials(t *testing.T) {
	t.Parallel()
	const messages = 1000
	f := newFixture(t, simulator.Options{})
	body := func(count int) string {
		return fmt.Sprintf(`
resource "servicerequest_case_message" "test" {
  count   = %d
  case_id = "TT201801020526"
  content = "The same words"
}`, count)
	}
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(body(1))})
	c.run("apply", "-auto-approve")
	c.multiplyState(messages)
	f.Reset()

	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`+body(messages))
	wantAll(t, c.run("plan", "-detailed-exitcode").stdout, "No changes")
	wantAll(t, c.run("plan", "-refresh-only", "-detailed-exitcode").stdout, "No changes")
	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`)
	removed := c.run("apply", "-auto-approve")
	wantAll(t, removed.output(), fmt.Sprintf("%d destroyed", messages))
	if cliHas(t, 3, 0) { // before, Terraform does not ask a provider about a destroy
		wantAll(t, removed.output(), "The message stays on the ticket")
	}
	if n := len(f.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// multiplyState multiplies the one resource in the state. Applying so many would take a
// quarter of a minute.
func (c *cli) multiplyState(count int) {
	c.t.Helper()
	name := filepath.Join(c.dir, "terraform.tfstate")
	data, err := os.ReadFile(name)
	if err != nil {
		c.t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(data, &state); err != nil {
		c.t.Fatal(err)
	}
	resource := state["resources"].([]any)[0].(map[string]any)
	one := resource["instances"].([]any)[0].(map[string]any)
	var instances []any
	for i := range count {
		instance := maps.Clone(one)
		instance["index_key"] = i
		instances = append(instances, instance)
	}
	resource["instances"] = instances
	if data, err = json.Marshal(state); err != nil {
		c.t.Fatal(err)
	}
	c.write("terraform.tfstate", string(data))
}

// Deleting an attachment is a call. Without credentials the error lists what is missing.
func TestPruneOfAnAttachmentNamesWhatItNeeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	const body = `
resource "servicerequest_attachment" "test" {
  name    = "trace.txt"
  content = "a trace"
}`
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(body)})
	c.run("apply", "-auto-approve")
	c.write("main.tf", requiredProvider+`provider "servicerequest" {}`)
	output := strings.Join(strings.Fields(c.fail("apply", "-auto-approve").output()), " ")
	wantAll(t, output, "Missing provider configuration", "SERVICEREQUEST_ENDPOINT", "SERVICEREQUEST_TOKEN")
	if got := f.Count(simulator.OpDeleteAccessory); got != 0 {
		t.Errorf("%d deletions", got)
	}
}
