package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The guides make claims. The tests here hold them against the code, and fail
// where a claim has no test.

func readGuide(t *testing.T, name string) string {
	t.Helper()
	return readText(t, filepath.Join(root, "templates", "guides", name+".md.tmpl"))
}

// tableRows returns the cells of a guide's tables whose header begins with the
// given cell.
func tableRows(text, header string) [][]string {
	var rows [][]string
	inside := false
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case cells[0] == header:
			inside = true
		case inside && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		}
	}
	return rows
}

// changedMessage is the message that a row changes. NAME is the resource and the
// ticket, KEY an idempotency_key or nothing.
const changedMessage = `resource "servicerequest_case_message" "NAME" {
  case_id = "NAME"
  content = "Release 1.4.0 is live."
  KEY

  lifecycle {
    create_before_destroy = true
  }
}
`

// changeRow is how a change is tried out: before and after are pairs of what is replaced in
// changedMessage.
type changeRow struct {
	before, after []string
	more          string // follows the message, after the change
	command       string // state rm, or the option of plan
}

func withArgument(argument string) []string { return []string{"KEY", argument + "\n  KEY"} }

func moved(from, to string) string {
	return fmt.Sprintf("moved {\n  from = servicerequest_case_message.%s\n  to   = servicerequest_case_message.%s\n}\n", from, to)
}

// late has a text whose end is known only after a change of what it comes from.
func late(value string) []string {
	return []string{"live.", "live. ${substr(terraform_data.NAME.output, 0, 4)}",
		"\n}\n", "\n}\nresource \"terraform_data\" \"NAME\" {\n  input = \"" + value + "\"\n}\n"}
}

var (
	renamed = []string{`message" "NAME"`, `message" "NAME_new"`}
	removed = []string{changedMessage, ""}
)

// changeRows are the changes that a row of the guide's tables names, separated by semicolons.
var changeRows = map[string][]changeRow{
	"the provider block; an unset attribute, set to `null`; `content`, with `ignore_changes`": {
		{},
		{after: withArgument("triggers = null\n  accessory_ids = null\n  group_id = null\n  timeouts = null")},
		{after: []string{"live.", "live. At last.", "= true", "= true\n    ignore_changes = [content]"}},
	},
	"`timeouts`": {{after: withArgument(`timeouts = { create = "1m" }`)}},
	"with a `moved` block: the name of the resource; its module; a key of `for_each`; from `count` to `for_each`": {
		{after: renamed, more: moved("NAME", "NAME_new")},
		{after: []string{changedMessage, "module \"NAME\" {\n  source = \"./NAME\"\n}\n"},
			more: "moved {\n  from = servicerequest_case_message.NAME\n  to   = module.NAME.servicerequest_case_message.NAME\n}\n"},
		{before: withArgument(`for_each = toset(["a"])`), after: withArgument(`for_each = toset(["b"])`), more: moved(`NAME["a"]`, `NAME["b"]`)},
		{before: withArgument("count = 1"), after: withArgument(`for_each = toset(["a"])`), more: moved("NAME[0]", `NAME["a"]`)},
	},
	"the resource is removed from the configuration": {{after: removed}},
	"the resource is replaced with a `removed` block": {
		{after: removed, more: "removed {\n  from = servicerequest_case_message.NAME\n  lifecycle {\n    destroy = false\n  }\n}\n"},
	},
	"`content`, only in white space; `triggers`; `triggers`, from unset to `{}`": {
		{after: []string{"live", " live"}},
		{before: withArgument(`triggers = { a = "1" }`), after: withArgument(`triggers = { a = "2" }`)},
		{after: withArgument("triggers = {}")},
	},
	"`accessory_ids`, or their order; `accessory_ids`, from unset to `[]`": {
		{before: withArgument(`accessory_ids = ["a", "b"]`), after: withArgument(`accessory_ids = ["b", "a"]`)},
		{after: withArgument("accessory_ids = []")},
	},
	"a value that is unknown during the plan and turns out to be the same": {{before: late("same-1"), after: late("same-2")}},
	"nothing, but the plan has `-replace`":                                 {{command: "-replace"}},
	"without a `moved` block: the name of the resource; a key of `for_each`": {
		{after: renamed},
		{before: withArgument(`for_each = toset(["a"])`), after: withArgument(`for_each = toset(["b"])`)},
	},
	"the state, after `terraform state rm`": {{command: "state rm"}},
	"`content`, to another text":            {{after: []string{"live.", "live. At last."}}},
	"`idempotency_key`; `case_id`": {
		{after: []string{"KEY", `idempotency_key = "another key"`}},
		{after: []string{`case_id = "NAME"`, `case_id = "NAME-other"`}},
	},
}

// planned is a plan's resource change, as show -json prints it.
type planned struct {
	PreviousAddress string `json:"previous_address"`
	Change          struct {
		Actions       []string
		Before, After struct {
			CaseID string `json:"case_id"`
		}
	}
}

// words is the change as the guide's table has it.
func (p planned) words() string {
	switch actions := strings.Join(p.Change.Actions, " "); {
	case actions == "no-op" && p.PreviousAddress != "":
		return "moved"
	case actions == "no-op":
		return "no change"
	case actions == "forget":
		return "forgotten"
	default:
		return "`" + map[string]string{"create": "+", "update": "~", "delete": "-", "create delete": "+/-", "delete create": "-/+"}[actions] + "`"
	}
}

// changeOutcomes are the headings under which the guide lists changes, with what an apply
// does without a key and with one.
var changeOutcomes = map[string][2]string{
	"Nothing is sent": {"posts: 0", "posts: 0"},
	"With a key, nothing is sent. Without one, the message is posted again": {"posts: 1", "posts: 0, with a warning"},
	"With a key, an error. Without one, another message is posted":          {"posts: 1", "posts: 0, with an error"},
	"Another message is posted":                                             {"posts: 1", "posts: 1"},
}

// changeTrial is a change on a ticket of its own, without a key or with one.
type changeTrial struct {
	changeRow
	name, key           string // the resource and the ticket, the argument
	what, plan, outcome string // as the guide has them
}

func changeTrials(t *testing.T) []changeTrial {
	t.Helper()
	sections := strings.Split(readGuide(t, "change-without-posting"), "\n### ")[1:]
	wantValue(t, "the number of headings", len(sections), len(changeOutcomes))
	var trials []changeTrial
	untried := maps.Clone(changeRows)
	for _, section := range sections {
		heading, _, _ := strings.Cut(section, "\n")
		outcomes := changeOutcomes[heading]
		for _, cells := range tableRows(section, "what changes") {
			changes := untried[cells[0]]
			if len(changes) != strings.Count(cells[0], "; ")+1 {
				t.Fatalf("a row of the guide is not tested: %q", cells)
			}
			delete(untried, cells[0])
			for _, change := range changes {
				for i, key := range []string{"", `idempotency_key = "deploy 4711"`} {
					trials = append(trials, changeTrial{change, fmt.Sprint("trial_", len(trials)), key, cells[0], cells[1], outcomes[i]})
				}
			}
		}
	}
	for what := range untried {
		t.Errorf("the guide has no row %q", what)
	}
	return trials
}

// Every change in the tables of the guide on changes: all of them in one apply, one plan and
// another apply.
func TestGuideToChanges(t *testing.T) {
	t.Parallel()
	needCLI(t, 7, 10, "removed blocks with a lifecycle")
	trials := changeTrials(t)
	f := newFixture(t, simulator.Options{})
	before := map[string]string{"main.tf": requiredProvider + f.config("")}
	after := map[string]string{"main.tf": requiredProvider + f.config("", `language = "en-us"`)}
	forget, replan := []string{"state", "rm"}, []string{"plan", "-out=saved.tfplan"}
	for _, trial := range trials {
		f.AddCase(simulator.Case{ID: trial.name})
		f.AddCase(simulator.Case{ID: trial.name + "-other"})
		config := func(change []string, more string) string {
			return strings.NewReplacer("NAME", trial.name, "KEY", trial.key).Replace(strings.NewReplacer(change...).Replace(changedMessage) + more)
		}
		file := trial.name + ".tf"
		before[file], after[file] = config(trial.before, ""), config(trial.after, trial.more)
		if strings.HasPrefix(after[file], "module ") {
			after[filepath.Join(trial.name, "main.tf")] = requiredProvider + config(nil, "")
		}
		address := "servicerequest_case_message." + trial.name
		switch trial.command {
		case "state rm":
			forget = append(forget, address)
		case "-replace":
			replan = append(replan, "-replace="+address)
		}
	}

	c := newCLI(t, before)
	c.run("apply", "-auto-approve", "-parallelism=20")
	c.run(forget...)
	for name, text := range after {
		c.write(name, text)
	}
	c.run("get")
	requests := len(f.Requests())
	c.run(replan...)
	var plan struct {
		ResourceChanges []planned `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(c.run("show", "-json", "saved.tfplan").stdout), &plan); err != nil {
		t.Fatal(err)
	}
	wantValue(t, "the number of requests after the plan", len(f.Requests()), requests)
	applied := c.fail("apply", "-json", "-parallelism=20", "saved.tfplan")

	for _, trial := range trials {
		var changes []string
		for _, p := range plan.ResourceChanges {
			if p.Change.Before.CaseID == trial.name || p.Change.After.CaseID == trial.name {
				changes = append(changes, p.words())
			}
		}
		slices.Sort(changes)
		title := trial.what + " (" + trial.name + ")"
		wantValue(t, title+": the plan", strings.Join(changes, " and "), trial.plan)
		// The first apply has posted one.
		outcome := fmt.Sprint("posts: ", len(f.Messages(trial.name))+len(f.Messages(trial.name+"-other"))-1)
		for _, d := range applied.diagnostics(trial.name + ".tf") {
			switch {
			case d.Summary == existingWarning:
				outcome += ", with a warning"
			case d.Severity == "error":
				outcome += ", with an error"
			}
		}
		wantValue(t, title+": the apply", outcome, trial.outcome)
	}
}

// A replacement fails, and the text goes back to what it was.
func TestGuideToChangesCreateBeforeDestroy(t *testing.T) {
	t.Parallel()
	for createFirst, want := range map[bool][]string{true: {"first"}, false: {"first", "first"}} {
		f := newFixture(t, simulator.Options{})
		config := func(content string) string {
			return requiredProvider + f.config(strings.NewReplacer(`case_id = "NAME"`, `case_id = "`+testCase+`"`, "NAME", "test",
				"Release 1.4.0 is live.", content, "KEY", "", "= true", fmt.Sprint("= ", createFirst)).Replace(changedMessage))
		}
		c := newCLI(t, map[string]string{"main.tf": config("first")})
		c.run("apply", "-auto-approve")
		f.SetFaults(simulator.Fault{Kind: "403"})
		c.write("main.tf", config("second"))
		c.fail("apply", "-auto-approve")
		f.SetFaults()
		c.write("main.tf", config("first"))
		c.run("apply", "-auto-approve")
		f.wantContents(t, want...)
	}
}

// A text that is too long goes out as an attachment, and the same evidence once.
func TestGuideToLongTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{StrictAccessories: true})
	c := newGuideCLI(t, f, guides+"long-texts")
	apply := func(posts, uploads, attachments int) {
		t.Helper()
		c.run("apply", "-auto-approve")
		messages := f.Messages(testCase)
		if f.Count(simulator.OpSubmit) != posts || f.Count(simulator.OpUpload) != uploads || len(messages) != posts {
			t.Fatalf("%d submits and %d uploads, want %d and %d", f.Count(simulator.OpSubmit), f.Count(simulator.OpUpload), posts, uploads)
		}
		wantValue(t, "the number of attachments", len(messages[posts-1].AccessoryIDs), attachments)
	}
	apply(1, 1, 1)
	short := f.contents()[0]
	wantAll(t, short, "[evidence ", "Plan: 0 to add, 1 to change, 0 to destroy.")

	c.write("plan.txt", strings.Repeat("a line of the plan\n", 1000))
	apply(2, 2, 2)
	long := f.contents()[1]
	wantAll(t, long, "[evidence ", "are attached", "a line of the plan")
	if len(long) > 2000 {
		t.Errorf("the message has %d characters", len(long))
	}

	// The same files, from a machine without the state.
	c.loseState()
	apply(2, 4, 2)
	// A run without the files changes nothing.
	c.remove("deploy.log")
	wantAll(t, c.run("plan", "-detailed-exitcode").output(), "Warning: The file is missing")
}

// A file that a resource writes is attached in the same apply, once for each run.
func TestGuideToGeneratedFiles(t *testing.T) {
	t.Parallel()
	needCLI(t, 4, 0, "terraform_data")
	_, after, _ := strings.Cut(readGuide(t, "long-texts"), "**In the same apply.**")
	block := regexp.MustCompile("(?s)```terraform\n(.*?)```").FindStringSubmatch(after)
	f := newFixture(t, simulator.Options{StrictAccessories: true})
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + block[1]}, f.env()...)
	for _, run := range []string{"1", "2"} {
		c.run("apply", "-auto-approve", "-var=run="+run)
		c.run("plan", "-detailed-exitcode", "-var=run="+run)
	}
	f.wantContents(t, "[report 1] The report of run 1 is attached.", "[report 2] The report of run 2 is attached.")
	for _, m := range f.Messages(testCase) {
		wantValue(t, m.Content+": the number of attachments", len(m.AccessoryIDs), 1)
	}
}

// After a provisioner failed, a message without a key is posted again.
func TestGuideToProvisioners(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{"": 2, `idempotency_key = "deploy 4711"`: 1} {
		f := newFixture(t, simulator.Options{})
		message := strings.NewReplacer("NAME", testCase, "KEY", key+"\n  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }").Replace(changedMessage)
		c := newCLI(t, map[string]string{"main.tf": requiredProvider + f.config(message)})
		for range 2 {
			c.fail("apply", "-auto-approve")
		}
		f.wantSubmits(t, want)
	}
}

// The unit test of the guide passes, and what it mocks are the computed attributes
// of the schemas.
func TestGuideToTests(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newFixture(t, simulator.Options{}))
	var got, want []string
	text := readText(t, guides+"test-your-configuration/mocks/servicerequest.tfmock.hcl")
	for _, block := range regexp.MustCompile(`(?s)mock_(\w+) "(\w+)" \{(.*?)\n\}`).FindAllStringSubmatch(text, -1) {
		for _, attribute := range regexp.MustCompile(`(?m)^    (\w+) += `).FindAllStringSubmatch(block[3], -1) {
			got = append(got, block[1]+" "+block[2]+"."+attribute[1])
		}
	}
	for kind, schemas := range map[string]map[string]*tfprotov6.Schema{"resource": p.schemas.ResourceSchemas, "data": p.schemas.DataSourceSchemas} {
		for name, schema := range schemas {
			for _, attribute := range schema.Block.Attributes {
				if attribute.Computed {
					want = append(want, kind+" "+name+"."+attribute.Name)
				}
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	wantValue(t, "what is mocked", got, want)

	needCLI(t, 7, 8, "mock_provider")
	c := newCLI(t, nil)
	copyTree(t, guides+"test-your-configuration", c.dir)
	wantAll(t, c.run("test").stdout, "2 passed, 0 failed")
	// A mock has the provider's schema and its checks.
	wantAll(t, c.fail("test", "-var=release=1.4.0 (beta)").output(), "Invalid idempotency_key")
}

// The commands of the guide run as they stand, but for the port and the questions
// that apply asks.
func TestGuideToTicketsim(t *testing.T) {
	t.Parallel()
	needBash(t)
	_, section, _ := strings.Cut(readGuide(t, "test-your-configuration"), "## With `ticketsim`")
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\nterraform() { \"$CLI\" \"$@\"; }\n")
	for _, block := range regexp.MustCompile("(?s)```shell\n(.*?)```").FindAllStringSubmatch(section, -1) {
		if !strings.Contains(block[1], "git clone") { // what it makes is here already
			script.WriteString(block[1])
		}
	}
	text := script.String()
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:8081"} {
		listener := must(net.Listen("tcp", "127.0.0.1:0"))
		text = strings.ReplaceAll(text, address, listener.Addr().String())
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := newCLI(t, nil, "CLI="+must(program()).path, "TF_CLI_ARGS_apply=-auto-approve")
	copyTree(t, guides+"test-your-configuration", c.dir)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(c.dir, "ticketsim"), "../simulator/cmd/ticketsim").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantInOrder(t, string(out),
		"1 added", "TT201801020526 (", "[release 1.4.0] Release 1.4.0 is live", "submit 1\n", // the first apply
		"1 added, 0 changed, 1 destroyed", `"check"`, // the lost answer
		"0 added, 0 changed, 1 destroyed", "The ticket already has this message", "1 added", // closed, and open again
		"1 added, 0 changed, 1 destroyed", // at another service, with keys of an agency
	)
}

// The table of faults says what the user sees.
func TestGuideToFaults(t *testing.T) {
	t.Parallel()
	rows := tableRows(readGuide(t, "test-your-configuration"), "fault")
	if len(rows) == 0 {
		t.Error("found no row")
	}
	for _, cells := range rows {
		var faults []simulator.Fault
		for text := range strings.FieldsSeq(strings.Trim(cells[0], "`")) {
			faults = append(faults, must(simulator.ParseFault(text)))
		}
		f := newFixture(t, simulator.Options{Faults: faults})
		m := newProtocol(t, f).manage(t, caseMessageType)
		began := f.clock.Now()
		diagnostics := m.apply(message(deployKey))
		outcome := fmt.Sprintf("sent again after %.0f seconds", f.clock.Now().Sub(began).Seconds())
		for _, d := range diagnostics {
			switch {
			case d.Severity == tfprotov6.DiagnosticSeverityWarning:
				outcome += ", with a warning"
			case d.Summary == unconfirmedError:
				outcome = "an error: may or may not be on the ticket"
			case strings.HasPrefix(d.Detail, "Nothing was sent"):
				outcome = "an error: nothing was sent, since the ticket could not be searched for the key"
			default:
				outcome = "an error: not posted"
			}
		}
		if m.get("confirmed_by") == "check" {
			outcome = "success, `confirmed_by = \"check\"`"
		}
		wantValue(t, cells[0], outcome, cells[1])
	}
}

// Every summary that the provider has is in the guide on errors, and the guide has
// no other. What it quotes of a detail is in the source.
func TestGuideToErrors(t *testing.T) {
	t.Parallel()
	source := readText(t, "diagnostics.go")
	want := map[string]string{}
	for _, constant := range regexp.MustCompile(`(?m)^\t\w+(Error|Warning) += "(.+)"$`).FindAllStringSubmatch(source, -1) {
		summary := constant[2]
		if strings.HasSuffix(summary, " ") {
			summary += "…"
		}
		want[summary] = strings.ToLower(constant[1])
	}
	for _, foreign := range []string{ // the framework's validators', and Terraform's for a file that has changed
		"Null List Value", "Duplicate List Value", "Invalid Attribute Value", "Invalid Attribute Value Match", "Invalid Attribute Combination",
		"Provider produced inconsistent final plan",
	} {
		want[foreign] = "error"
	}
	got := map[string]string{}
	text := readGuide(t, "errors")
	for _, severity := range []string{"error", "warning"} {
		for _, cells := range tableRows(text, severity) {
			for _, bold := range regexp.MustCompile(`\*\*([^*]+)\*\*`).FindAllStringSubmatch(cells[0], -1) {
				got[bold[1]] = severity
			}
			for _, quoted := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(cells[0], -1) {
				for part := range strings.SplitSeq(quoted[1], "…") {
					wantAll(t, source, strings.TrimSpace(part))
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the guide explains %v\nthe provider has %v", got, want)
	}
	// No summary is anywhere else.
	literal := regexp.MustCompile(`(?:(?:Error|Warning|callDiagnostic|readDiagnostic|Diagnostic)\(|Attribute\w+\((?:path\.Root\("?\w+"?\)|[\w.()]+), )"`)
	for _, name := range glob(t, "*.go") {
		if text := readText(t, name); !strings.HasSuffix(name, "_test.go") && literal.MatchString(text) {
			t.Errorf("%s: %q is not in diagnostics.go", name, literal.FindString(text))
		}
	}
}

// The guide names everything that selects a way of authentication. The generated
// reference has the rest.
func TestGuideToCredentials(t *testing.T) {
	t.Parallel()
	text := readGuide(t, "credentials")
	for _, m := range append(slices.Clone(modes), onTop) {
		for _, s := range settings {
			if !slices.Contains(m.selects, s.name) {
				continue
			}
			for _, name := range append([]string{s.name[strings.LastIndex(s.name, ".")+1:]}, s.env...) {
				if s.isAttribute() || name != s.name {
					wantAll(t, text, "`"+name+"`")
				}
			}
		}
	}
}

// The files that the map in CONTRIBUTING.md names exist.
func TestGuideToTheRepository(t *testing.T) {
	t.Parallel()
	_, layout, _ := strings.Cut(readText(t, root+"/CONTRIBUTING.md"), "## Repository layout")
	layout, _, _ = strings.Cut(layout, "\n## ")
	names := regexp.MustCompile(`\w+\.go\b`).FindAllString(layout, -1)
	for _, name := range names {
		if len(must(filepath.Glob(root+"/"+name)))+len(must(filepath.Glob(root+"/internal/*/"+name))) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	if len(names) == 0 {
		t.Error("found none")
	}
}
