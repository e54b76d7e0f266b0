package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cli runs the CLI, with the provider as a process of its own: for what only the two
// together show. Everything else is tested with protocol.

const requiredProvider = `
terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}
`

// build makes a directory with the provider as a program and a CLI configuration that uses
// it, cli.tfrc, once per test run. TestMain removes it.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "servicerequest-test-")
	if err != nil {
		return "", err
	}
	built = dir
	out, err := exec.Command("go", "build", "-ldflags", "-X main.version="+builtVersion, "-o", dir+string(filepath.Separator), "github.com/seed-9e648b51/terraform-provider-servicerequest").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir, os.WriteFile(filepath.Join(dir, "cli.tfrc"), []byte(overrides("seed-9e648b51/servicerequest", dir)), 0o600)
})

// overrides is a CLI configuration that takes one provider from a folder, and no other from anywhere.
func overrides(source, dir string) string {
	return fmt.Sprintf(`
provider_installation {
  dev_overrides {
    %q = %q
  }
  direct {
    exclude = ["*/*/*"]
  }
}
`, source, filepath.ToSlash(dir))
}

var built string // the directory to remove

const builtVersion = "9.8.7"

// program is the CLI that all tests run.
var program = sync.OnceValues(func() (p struct {
	path  string
	tofu  bool
	minor int // of version 1
}, err error) {
	for _, name := range []string{os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu"} {
		if p.path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return p, err
	}
	out, err := exec.Command(p.path, "version").Output()
	if err != nil {
		return p, err
	}
	version := regexp.MustCompile(`^(Terraform|OpenTofu) v1\.(\d+)\.`).FindSubmatch(out)
	if version == nil {
		return p, fmt.Errorf("%s is of no known version: %s", p.path, out)
	}
	p.tofu = string(version[1]) == "OpenTofu"
	p.minor, err = strconv.Atoi(string(version[2]))
	return p, err
})

// cliHas reports whether the CLI is new enough: 1.x of Terraform or OpenTofu.
// never is a version that does not exist.
func cliHas(t *testing.T, terraform, tofu int) bool {
	t.Helper()
	p := must(program())
	if p.tofu {
		return p.minor >= tofu
	}
	return p.minor >= terraform
}

const never = 1 << 20

func needCLI(t *testing.T, terraform, tofu int, feature string) {
	t.Helper()
	if !cliHas(t, terraform, tofu) {
		t.Skipf("%s: not in this version of the CLI", feature)
	}
}

// cli is a directory to run the CLI in.
type cli struct {
	t   *testing.T
	dir string
	env []string
}

// newCLI makes a cli with these files, by name and content, and with these variables
// but none of the developer's.
func newCLI(t *testing.T, files map[string]string, env ...string) *cli {
	t.Helper()
	c := &cli{t: t, dir: t.TempDir()}
	for name, content := range files {
		c.write(name, content)
	}
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TF_") {
			c.env = append(c.env, pair)
		}
	}
	c.env = append(c.env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color",
		"TF_CLI_CONFIG_FILE="+filepath.Join(must(build()), "cli.tfrc"), "TF_DATA_DIR="+filepath.Join(c.dir, ".terraform"))
	c.env = append(c.env, env...)
	return c
}

func (c *cli) write(name, content string) {
	c.t.Helper()
	writeFile(c.t, c.dir, name, content)
}

// remove removes files and folders, if they are there.
func (c *cli) remove(names ...string) {
	c.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(c.dir, name)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// loseState removes the state, as a runner does that keeps none.
func (c *cli) loseState() { c.remove("terraform.tfstate", "terraform.tfstate.backup") }

// result is the output of a run of the CLI.
type result struct {
	t              *testing.T
	stdout, stderr string
	code           int
}

func (r result) output() string { return r.stdout + r.stderr }

// command is a run that has not started. Its time is limited, so that it cannot hang
// the tests.
func (c *cli) command(args ...string) *exec.Cmd {
	c.t.Helper()
	p := must(program())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	c.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return cmd
}

// try runs the CLI, whether it fails or not.
func (c *cli) try(args ...string) result {
	c.t.Helper()
	cmd := c.command(args...)
	return c.ended(cmd, cmd.Run())
}

func (c *cli) ended(cmd *exec.Cmd, err error) result {
	c.t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return result{c.t, cmd.Stdout.(*bytes.Buffer).String(), cmd.Stderr.(*bytes.Buffer).String(), cmd.ProcessState.ExitCode()}
}

// run is try that must succeed.
func (c *cli) run(args ...string) result {
	c.t.Helper()
	r := c.try(args...)
	if r.code != 0 {
		c.t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), r.code, tail(r.output()))
	}
	return r
}

// fail is try that must fail.
func (c *cli) fail(args ...string) result {
	c.t.Helper()
	r := c.try(args...)
	if r.code == 0 {
		c.t.Fatalf("%s succeeds\n%s", strings.Join(args, " "), tail(r.output()))
	}
	return r
}

func tail(s string) string { return s[max(0, len(s)-20000):] }

// diagnostic is an error or a warning, as plan -json and apply -json print it.
type diagnostic struct {
	Severity, Summary, Detail string
	Range                     struct{ Filename string }
}

// diagnostics are those that point into a file.
func (r result) diagnostics(file string) []diagnostic {
	r.t.Helper()
	var all []diagnostic
	for line := range strings.Lines(r.stdout) {
		var event struct {
			Type       string
			Diagnostic diagnostic
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			r.t.Fatalf("%v: %s", err, line)
		}
		if event.Type == "diagnostic" && event.Diagnostic.Range.Filename == file {
			all = append(all, event.Diagnostic)
		}
	}
	return all
}

// wantAll fails unless a text has each of the parts.
func wantAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// wantInOrder fails unless a text has each of the parts after the one before.
func wantInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	after := text
	for _, part := range parts {
		_, rest, found := strings.Cut(after, part)
		if !found {
			t.Fatalf("%q does not come where it should in:\n%s", part, text)
		}
		after = rest
	}
}

// eventually waits until a condition holds, and fails if it never does.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: did not happen", what)
		}
	}
}
