//go:build unix

package provider

import (
	"os"
	"os/exec"
	"path/filepath"
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
