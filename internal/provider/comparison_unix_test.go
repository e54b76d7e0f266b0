//go:build unix

package provider

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// TestComparison posts the same message in different ways, lets the same thing
// happen to each, and compares the runs of the CLI and the ticket.

// The results for restapi are those of its version 3.0.0. To run it:
//
//	go test -run TestComparison ./internal/provider -args -restapi /path/to/terraform-provider-restapi
var restapiProgram = flag.String("restapi", "", "absolute path of the provider Mastercard/restapi, for TestComparison to include it")

const comparedContent = "[deploy 4711] Release 1.4.0 is live."

// contender is a way to post a message.
type contender struct {
	name   string
	tool   string // servicerequest, curl or restapi
	config func(f *fixture, content string) string
}

// Unless its name says otherwise, a form is what a careful person writes: the token
// comes from the environment, and an HTTP error fails the run.
var contenders = [4]contender{
	{"servicerequest", "servicerequest", messageConfig},
	{"curl", "curl", curlConfig(pipeToken + curlCommand)},
	// The script searches the first page of the ticket, posts, and wants an empty answer.
	{"curl in a script", "curl", curlConfig(`list=$(` + pipeToken + curlOptions + ` --header @- "$${URL}s?limit=100&trim_osm_rich_text_label=false") || exit
      case $list in *'[deploy 4711]'*) exit 0 ;; esac
      answer=$(` + pipeToken + curlCommand + `) || exit
      case $answer in '' | '{}') ;; *) echo "$answer" >&2; exit 1 ;; esac`)},
	{"restapi", "restapi", restapiConfig},
}

func messageConfig(_ *fixture, content string) string {
	return requiredProvider + fmt.Sprintf(`
resource "servicerequest_case_message" "test" {
  case_id         = %q
  content         = %q
  idempotency_key = "deploy 4711"
}
`, testCase, strings.TrimPrefix(content, "[deploy 4711] ")) // the provider puts it there
}

const (
	pipeToken   = `printf 'X-Auth-Token: %s\n' "$TICKET_TOKEN" | `
	curlOptions = `curl --silent --show-error --fail-with-body --max-time 60 `
	curlCommand = curlOptions + `--header @- --header 'Content-Type: application/json' --data "$BODY" "$URL"`
)

func curlConfig(command string) func(*fixture, string) string {
	return func(f *fixture, content string) string {
		return fmt.Sprintf(`
resource "terraform_data" "message" {
  triggers_replace = [%[3]q]

  provisioner "local-exec" {
    command = <<-EOT
      %[1]s
    EOT
    environment = {
      URL  = %[2]q
      BODY = jsonencode({ message = { content = %[3]q } })
    }
  }
}
`, command, f.URL()+submitPath, content)
	}
}

// restapiConfig makes up an ID, since the service returns none, and reads the ticket
// to destroy, since the service cannot delete a message. With read_search, or without
// write_returns_object, no row ends better.
func restapiConfig(f *fixture, content string) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    restapi = {
      source = "Mastercard/restapi"
    }
  }
}

variable "token" {
  type      = string
  ephemeral = true
}

provider "restapi" {
  uri                  = %[1]q
  write_returns_object = true
  headers              = { X-Auth-Token = var.token }
}

resource "restapi_object" "message" {
  object_id               = "deploy-4711"
  path                    = %[2]q
  data                    = jsonencode({ message = { content = %[3]q } })
  update_method           = "POST"
  update_path             = %[2]q
  read_path               = "/v2/servicerequest/cases/%[4]s/status"
  destroy_method          = "GET"
  destroy_path            = "/v2/servicerequest/cases/%[4]s/status"
  ignore_server_additions = true
}
`, f.URL(), submitPath, content, testCase)
}

const submitPath = "/v2/servicerequest/cases/" + testCase + "/message"

// trial is a contender in a row.
type trial struct {
	*testing.T
	*cli
	f    *fixture
	runs []string // how each ended: ok, error or killed
}

// newTrial skips the test if the contender is not on this machine.
func (w contender) newTrial(t *testing.T, content string, faults []simulator.Fault) *trial {
	t.Helper()
	f := newFixture(t, simulator.Options{Faults: faults})
	c := newCLI(t, map[string]string{"main.tf": w.config(f, content)}, "TF_VAR_token="+testToken)
	switch w.tool {
	case "servicerequest":
		c.env = append(c.env, f.env()...)
	case "curl":
		needCLI(t, 4, 0, "terraform_data")
		if err := exec.Command("curl", "--fail-with-body", "--version").Run(); err != nil {
			t.Skip("curl 7.76 or later is not on PATH")
		}
		c.write(".curlrc", "noproxy = \"*\"\n") // replaces the developer's own
		c.env = append(c.env, "CURL_HOME="+c.dir, "TICKET_TOKEN="+testToken)
	case "restapi":
		needCLI(t, 10, 11, "ephemeral variables")
		if *restapiProgram == "" {
			t.Skip("-restapi is not given")
		}
		c.write("restapi.tfrc", overrides("Mastercard/restapi", filepath.Dir(*restapiProgram)))
		c.env = append(c.env, "TF_CLI_CONFIG_FILE="+filepath.Join(c.dir, "restapi.tfrc"))
	}
	return &trial{T: t, cli: c, f: f}
}

// note records how a run ended.
func (tr *trial) note(r result) result {
	tr.Helper()
	switch {
	case r.code == 0:
		tr.runs = append(tr.runs, "ok")
	case r.code < 0:
		tr.runs = append(tr.runs, "killed")
	default:
		tr.runs = append(tr.runs, "error")
	}
	tr.Log(tail(r.output()))
	return r
}

func (tr *trial) do(args ...string) result {
	tr.Helper()
	return tr.note(tr.try(args...))
}

func (tr *trial) apply() result {
	tr.Helper()
	return tr.do("apply", "-auto-approve")
}

// outcome is how each run ended, and how often the message is on the ticket.
func (tr *trial) outcome() string {
	tr.Helper()
	copies := 0
	for _, content := range tr.f.contents() {
		if strings.HasPrefix(content, comparedContent) {
			copies++
		}
	}
	return fmt.Sprintf("%s; copies: %d", strings.Join(tr.runs, ", "), copies)
}

func twice(tr *trial) string {
	tr.apply()
	tr.apply()
	return tr.outcome()
}

func refused(tr *trial) string {
	tr.f.AddCase(simulator.Case{ID: testCase, Status: 3}) // a completed ticket takes no messages
	return twice(tr)
}

func planFirst(tr *trial) string {
	tr.do("plan")
	tr.apply()
	return tr.outcome()
}

// redirected adds what the server gets that the service redirects to.
func redirected(tr *trial) string {
	other := newFixture(tr.T, simulator.Options{})
	tr.f.SetFaults(simulator.Fault{Kind: "307", Location: other.URL() + submitPath})
	tr.apply()
	has := "nothing"
	for _, r := range other.posts() {
		if headerOf(r, "X-Auth-Token") == testToken && strings.Contains(string(r.Body), comparedContent) {
			has = "token and text"
		}
	}
	if len(other.Requests()) > 0 && has == "nothing" {
		tr.Errorf("the other server got %+v", other.Requests())
	}
	return tr.outcome() + "; elsewhere: " + has
}

// killed kills the first run after the message is stored and before the answer.
func killed(tr *trial) string {
	cmd, signal := tr.start("apply", "-auto-approve")
	eventually(tr.T, "the message", func() bool { return len(tr.f.contents()) == 1 })
	signal(syscall.SIGKILL)
	tr.note(tr.ended(cmd, cmd.Wait()))
	tr.apply()
	return tr.outcome()
}

// onLongTicket is stateLost on a ticket with more messages than a page can have.
func onLongTicket(tr *trial) string {
	for i := range 100 {
		tr.f.AddMessage(testCase, simulator.Message{Content: fmt.Sprintf("Message %d", i)})
	}
	return stateLost(tr)
}

func stateLost(tr *trial) string {
	tr.apply()
	tr.loseState()
	tr.apply()
	return tr.outcome()
}

// requests adds the requests that a plan, an apply and another plan make.
func requests(tr *trial) string {
	before := 0
	var counts []string
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"plan", "-detailed-exitcode"}} {
		tr.do(args...)
		after := len(tr.f.Requests())
		counts = append(counts, fmt.Sprint(after-before))
		before = after
	}
	return tr.outcome() + "; " + strings.Join(counts, ", ")
}

// comparisonRow is something that happens to each contender.
type comparisonRow struct {
	name    string
	content string
	faults  []simulator.Fault
	do      func(*trial) string
	want    [len(contenders)]string // in their order; empty is not tried
}

func TestComparison(t *testing.T) {
	t.Parallel()
	lost := []simulator.Fault{{Kind: "lost-answer", Times: 1}}
	badGateway := []simulator.Fault{{Kind: "502", Stored: true, Times: 1}}
	slow := []simulator.Fault{{Kind: "slow", Stored: true, Times: 1}}
	page := []simulator.Fault{{Kind: "html", Times: 1}}
	tooLong := comparedContent + strings.Repeat(" And so on.", 1000)
	rows := []comparisonRow{
		{"lost answer", comparedContent, lost, twice,
			[4]string{"ok, ok; copies: 1", "error, ok; copies: 2", "error, ok; copies: 1", "error, ok; copies: 2"}},
		{"502 after the message is stored", comparedContent, badGateway, twice,
			[4]string{"ok, ok; copies: 1", "error, ok; copies: 2", "error, ok; copies: 1", "error, ok; copies: 2"}},
		{"killed before the answer", comparedContent, slow, killed,
			[4]string{"killed, ok; copies: 1", "killed, ok; copies: 2", "killed, ok; copies: 1", "killed, ok; copies: 2"}},
		{"state lost", comparedContent, nil, stateLost,
			[4]string{"ok, ok; copies: 1", "ok, ok; copies: 2", "ok, ok; copies: 1", "ok, ok; copies: 2"}},
		{"state lost on a long ticket", comparedContent, nil, onLongTicket,
			[4]string{"ok, ok; copies: 1", "", "ok, ok; copies: 2", "ok, ok; copies: 2"}},
		{"error with status 200", comparedContent, nil, refused,
			[4]string{"error, error; copies: 0", "ok, ok; copies: 0", "error, error; copies: 0", "ok, ok; copies: 0"}},
		{"page of a proxy", comparedContent, page, twice,
			[4]string{"ok, ok; copies: 1", "ok, ok; copies: 0", "error, ok; copies: 1", "error, ok; copies: 1"}},
		{"redirect to another server", comparedContent, nil, redirected,
			[4]string{"error; copies: 0; elsewhere: nothing", "ok; copies: 0; elsewhere: nothing", "ok; copies: 0; elsewhere: nothing", "ok; copies: 0; elsewhere: token and text"}},
		{"text above the limit", tooLong, nil, planFirst,
			[4]string{"error, error; copies: 0", "ok, ok; copies: 0", "ok, error; copies: 0", "ok, ok; copies: 0"}},
		{"requests", comparedContent, nil, requests,
			[4]string{"ok, ok, ok; copies: 1; 0, 3, 0", "ok, ok, ok; copies: 1; 0, 1, 0", "ok, ok, ok; copies: 1; 0, 2, 0", "ok, ok, ok; copies: 1; 0, 1, 1"}},
	}
	checkChart(t, rows)
	for _, row := range rows {
		for i, w := range contenders {
			if row.want[i] == "" {
				continue
			}
			t.Run(row.name+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				got := row.do(w.newTrial(t, row.content, row.faults))
				t.Log(got)
				if got != row.want[i] {
					t.Errorf("want %s", row.want[i])
				}
			})
		}
	}
}

// checkChart fails unless the README's charts draw as many copies as the outcomes have.
func checkChart(t *testing.T, rows []comparisonRow) {
	t.Helper()
	outcomes := map[string]string{}
	for _, row := range rows {
		for i, w := range contenders {
			outcomes[row.name+"/"+w.name] = row.want[i]
		}
	}
	for _, theme := range []string{"light", "dark"} {
		groups := regexp.MustCompile(`<g data-row="(.+?)" data-tool="(.+?)">(.*)</g>`).FindAllStringSubmatch(readText(t, root+"/.github/copies-"+theme+".svg"), -1)
		for _, g := range groups {
			drawn, want := fmt.Sprint("copies: ", strings.Count(g[3], "<rect ")), outcomes[g[1]+"/"+g[2]]
			if !strings.Contains(want, drawn) {
				t.Errorf("%s, %s: the %s chart draws %s, want %s", g[1], g[2], theme, drawn, want)
			}
		}
		if len(groups) != 15 {
			t.Errorf("the %s chart has %d groups: does this test still find them?", theme, len(groups))
		}
	}
}
