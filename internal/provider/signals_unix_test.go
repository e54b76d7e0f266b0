//go:build unix

package provider

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// start runs the CLI in a process group of its own, which includes the provider. A
// signal goes to the whole group, like one from a terminal.
func (c *cli) start(args ...string) (cmd *exec.Cmd, signal func(syscall.Signal)) {
	c.t.Helper()
	cmd = c.command(args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	kill := func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
	c.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			kill(syscall.SIGKILL)
			_ = cmd.Wait()
		}
	})
	return cmd, kill
}

// Ctrl-C during a submit: one check of the ticket, and its outcome.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		stored bool // on the ticket, and therefore in the state
		want   string
	}{
		{"on the ticket", true, ""},
		{"not seen", false, "a check of the ticket did not find the message, but it may still arrive"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "slow", Stored: row.stored}}})
			c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(oneMessage)})
			cmd, signal := c.start("apply", "-auto-approve")
			eventually(t, "the submit", func() bool {
				return f.Count(simulator.OpSubmit) == 1 && (!row.stored || len(f.contents()) == 1)
			})
			signal(syscall.SIGINT)
			r := c.ended(cmd, cmd.Wait())
			if r.code == 0 {
				t.Errorf("an interrupted apply succeeds:\n%s", r.output())
			}
			listed := c.run("state", "list").stdout
			if in := strings.Contains(listed, messageAddress); in != row.stored {
				t.Errorf("in the state: %q, output:\n%s", listed, r.output())
			}
			if row.want != "" {
				wantAll(t, unfolded(r.output()), "Case message may or may not be on the ticket", row.want)
			}
			f.wantSubmits(t, 1)
			if row.stored {
				wantAll(t, c.run("state", "show", messageAddress).stdout, `"check"`)
			}
		})
	}
}

// A pod applies again and again, and is killed before or after a message is on the
// ticket. Answers go missing, too, and a third of the runs begins without a state.
func TestKilledAtRandomPoints(t *testing.T) {
	t.Parallel()
	const messages, kills, seed = 8, 6, 11
	random := rand.New(rand.NewPCG(seed, 1))
	var left atomic.Int64 // answers until the run is killed
	var kill atomic.Value
	f := newFixture(t, simulator.Options{
		Seed:   seed,
		Faults: []simulator.Fault{{Kind: "slow", Stored: true, Rate: 0.3, Delay: 300 * time.Millisecond}, {Kind: "lost-answer", Rate: 0.1}},
		Observe: func(simulator.Request) {
			if left.Add(-1) == 0 {
				kill.Load().(func())()
			}
		},
	})
	// Different keys, as in a runbook.
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(fmt.Sprintf(`
resource "servicerequest_case_message" "step" {
  count           = %d
  case_id         = "TT201801020526"
  content         = "Step ${count.index} is <b>done</b>"
  idempotency_key = "run 4711.${count.index}"

  lifecycle {
    create_before_destroy = true
  }
}`, messages))})
	for i := range kills {
		if i%3 == 2 {
			c.loseState()
		}
		cmd, signal := c.start("apply", "-auto-approve", "-parallelism=3")
		kill.Store(func() { signal(syscall.SIGKILL) })
		if before := len(f.contents()); i%2 == 0 && before < messages {
			// A message is on the ticket, and its answer may still be on the way.
			eventually(t, "a message", func() bool { return len(f.contents()) > before })
			signal(syscall.SIGKILL)
		} else {
			// A run makes one list, and one request for each message that is not posted yet.
			left.Store(1 + random.Int64N(3))
		}
		c.ended(cmd, cmd.Wait())
		left.Store(0)
	}
	c.run("apply", "-auto-approve")
	var want []string
	for i := range messages {
		want = append(want, fmt.Sprintf("[run 4711.%d] Step %d is <b>done</b>", i, i))
	}
	f.wantContents(t, want...)
	c.run("plan", "-detailed-exitcode")
}

// Opening a pipe without a writer would never return.
func TestAttachmentPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.txt")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	held := must(os.OpenFile(pipe, os.O_RDWR, 0)) // so that the test fails instead of waiting
	t.Cleanup(func() { _ = held.Close() })
	if _, _, err := openFile(pipe); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}
