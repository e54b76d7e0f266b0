//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
)

// Subjects that each run has.
const (
	floor = "terraform_data" // what Terraform itself takes: all ratios are to it
	ours  = "this provider"
	curl  = "curl"
)

// subject is a way to have messages: a configuration, and the provider that it
// needs.
type subject struct {
	Name   string
	config string // with %d for the number of messages
	source string // NAMESPACE/NAME of its provider; "" needs none
	binary string // of its provider

	dir   string
	usage string // file to which measureProvider appends
	posts bool   // whether messages arrive at the service
}

// content is a message of ordinary length. Every subject has it in its state.
const content = `Release 1.4.${count.index} is live in eu-west-101. The connection resets have stopped; please close the ticket.`

const ourSource = "seed-9e648b51/servicerequest"

func allSubjects(o options) []subject {
	message := `resource "servicerequest_case_message" "message" {
  count   = %d
  case_id = "` + benchCase + `"
  content = "` + content + `"
}
`
	subjects := []subject{
		{Name: floor, config: `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
}
`},
		{Name: ours, config: message, source: ourSource, binary: o.provider, posts: true},
		// As a careful engineer writes it: the token is in no argument, and HTTP
		// errors fail.
		{Name: curl, posts: true, config: `resource "terraform_data" "message" {
  count = %d
  input = "` + content + `"
  provisioner "local-exec" {
    command = "printf 'X-Auth-Token: %%s' \"$SERVICEREQUEST_TOKEN\" | curl --silent --show-error --fail --max-time 60 --header 'Content-Type: application/json' --header @- --data-binary \"$BODY\" \"$SERVICEREQUEST_ENDPOINT/v2/servicerequest/cases/` + benchCase + `/message\""
    environment = {
      BODY = jsonencode({ message = { content = self.input } })
    }
  }
}
`},
	}
	if _, err := exec.LookPath("curl"); err != nil {
		subjects = subjects[:2]
	}
	for _, other := range o.others {
		switch other.kind {
		case "build":
			subjects = append(subjects, subject{Name: other.name, config: message, source: ourSource, binary: other.path, posts: true})
		case "null":
			subjects = append(subjects, subject{Name: other.name, source: "hashicorp/null", binary: other.path, config: `resource "null_resource" "message" {
  count    = %d
  triggers = { content = "` + content + `" }
}
`})
		}
	}
	return subjects
}

// prepare makes the subject's directory: its provider in a mirror, and a CLI
// configuration that knows only this mirror. So each run checks the provider
// against the lock file, as it does for a user.
func (s *subject) prepare(o options, dir string) error {
	s.dir, s.usage = dir, filepath.Join(dir, "usage")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	config := "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = \"" + filepath.Join(dir, "mirror") + "\"\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "cli.tfrc"), []byte(config), 0o600); err != nil {
		return err
	}
	if s.source == "" {
		return nil
	}
	var err error
	if s.binary, err = filepath.Abs(s.binary); err != nil { // the CLI runs elsewhere
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for version, program := range map[string]string{timedVersion: s.binary, usageVersion: self} {
		at := filepath.Join(dir, "mirror", o.host, s.source, version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(at, 0o700); err != nil {
			return err
		}
		if err := os.Symlink(program, filepath.Join(at, fmt.Sprintf("terraform-provider-%s_v%s", s.providerName(), version))); err != nil {
			return err
		}
	}
	return nil
}

// The mirror has the provider in two versions: itself, and this program, which
// runs it and notes what it used.
const (
	timedVersion = "0.1.0"
	usageVersion = "0.1.1"
)

// main is the configuration for n messages.
func (s *subject) main(n int, version string) string {
	text := fmt.Sprintf(s.config, n)
	if s.source == "" {
		return text
	}
	return fmt.Sprintf("terraform {\n  required_providers {\n    %s = {\n      source  = %q\n      version = %q\n    }\n  }\n}\n\n", s.providerName(), s.source, version) + text
}

func (s *subject) providerName() string { return path.Base(s.source) }
