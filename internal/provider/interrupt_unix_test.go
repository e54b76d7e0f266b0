//go:build unix

package provider

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

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

// Killed after the message is on the ticket, and before it is in the state.
func TestKilledBetweenPostAndState(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "slow", Stored: true, Times: 1}}})
	files := map[string]string{"main.tf": requiredProvider + f.config(`
resource "servicerequest_case_message" "test" {
  case_id         = "TT201801020526"
  content         = "hello"
  idempotency_key = "deploy 4711"
}`)}
	c := newCLI(t, files)
	cmd, signal := c.start("apply", "-auto-approve")
	eventually(t, "the message", func() bool { return len(f.contents()) == 1 })
	signal(syscall.SIGKILL)
	if r := c.ended(cmd, cmd.Wait()); r.code != -1 {
		t.Fatalf("it was not killed: %s", r.output())
	}
	if state, _ := os.ReadFile(filepath.Join(c.dir, "terraform.tfstate")); strings.Contains(string(state), `"case_id"`) {
		t.Fatalf("in the state already: %s", state)
	}

	wantAll(t, c.run("apply", "-auto-approve").output(), "Warning: The ticket already has this message")
	if got := f.contents(); !slices.Equal(got, []string{"[deploy 4711] hello"}) || f.Count(simulator.OpSubmit) != 1 {
		t.Errorf("the ticket has %q after %d submits", got, f.Count(simulator.OpSubmit))
	}
	wantAll(t, c.run("state", "show", "servicerequest_case_message.test").stdout, `"existing"`)
}

// Ctrl-C during a submit: one check of the ticket, and its outcome.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		faults []simulator.Fault
		state  bool // the message is in it
		want   string
	}{
		{"on the ticket", []simulator.Fault{{Kind: "slow", Stored: true}}, true, ""},
		{"not seen", []simulator.Fault{{Kind: "slow"}}, false, "a check of the ticket did not find the message, but it may still arrive"},
		{"not readable", []simulator.Fault{{Kind: "slow", Stored: true}, {Kind: "403", Operation: simulator.OpList}}, false, "HTTP 403 Forbidden, OSM.0003"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{Faults: row.faults})
			c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(oneMessage)})
			cmd, signal := c.start("apply", "-auto-approve")
			eventually(t, "the submit", func() bool {
				return f.Count(simulator.OpSubmit) == 1 && (!row.faults[0].Stored || len(f.contents()) == 1)
			})
			signal(syscall.SIGINT)
			r := c.ended(cmd, cmd.Wait())
			if r.code == 0 {
				t.Errorf("an interrupted apply succeeds:\n%s", r.output())
			}
			listed := c.run("state", "list").stdout
			if in := strings.Contains(listed, messageAddress); in != row.state {
				t.Errorf("in the state: %q, output:\n%s", listed, r.output())
			}
			if row.want != "" {
				wantAll(t, strings.Join(strings.Fields(r.output()), " "), "Case message may or may not be on the ticket", row.want)
			}
			if got := f.Count(simulator.OpSubmit); got != 1 {
				t.Errorf("%d submits", got)
			}
			if row.state {
				wantAll(t, c.run("state", "show", messageAddress).stdout, `"check"`)
			}
		})
	}
}

// An interrupted action reports the outcome of its message, too. Otherwise
// Terraform would count it as done.
func TestInterruptedAction(t *testing.T) {
	t.Parallel()
	needCLI(t, 14, never, "actions")
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "slow"}}})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(`
action "servicerequest_case_message" "test" {
  config {
    case_id = "TT201801020526"
    content = "hello"
  }
}`)})
	cmd, signal := c.start("apply", "-auto-approve", "-invoke=action.servicerequest_case_message.test")
	eventually(t, "the submit", func() bool { return f.Count(simulator.OpSubmit) == 1 })
	signal(syscall.SIGINT)
	r := c.ended(cmd, cmd.Wait())
	if r.code == 0 {
		t.Errorf("an interrupted action succeeds:\n%s", r.output())
	}
	wantAll(t, strings.Join(strings.Fields(r.output()), " "), "Case message may or may not be on the ticket", "a check of the ticket did not find the message", "Run terraform plan to see what is left to do.")
	if got := f.Count(simulator.OpSubmit); got != 1 {
		t.Errorf("%d submits", got)
	}
}
