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

// changeRow is how a row of the guide's table is tried out: before and after are pairs
// of what is replaced in changedMessage.
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

var changeRows = map[string]changeRow{
	"the provider block":                  {},
	"`timeouts`":                          {after: withArgument(`timeouts = { create = "1m" }`)},
	"`idempotency_key`":                   {after: []string{"KEY", `idempotency_key = "another key"`}},
	"an unset attribute, set to `null`":   {after: withArgument("triggers = null\n  accessory_ids = null\n  group_id = null\n  timeouts = null")},
	"`triggers`, from unset to `{}`":      {after: withArgument("triggers = {}")},
	"`accessory_ids`, from unset to `[]`": {after: withArgument("accessory_ids = []")},
	"`triggers`":                          {before: withArgument(`triggers = { a = "1" }`), after: withArgument(`triggers = { a = "2" }`)},
	"`accessory_ids`, or their order":     {before: withArgument(`accessory_ids = ["a", "b"]`), after: withArgument(`accessory_ids = ["b", "a"]`)},
	"`content`, only in white space":      {after: []string{"live", " live"}},
	"`content`, to another text":          {after: []string{"live.", "live. At last."}},
	"`content`, with `ignore_changes`":    {after: []string{"live.", "live. At last.", "= true", "= true\n    ignore_changes = [content]"}},
	"a value that is unknown during the plan and turns out to be the same": {before: late("same-1"), after: late("same-2")},
	"`case_id`": {after: []string{`case_id = "NAME"`, `case_id = "NAME-other"`}},
	"with a `moved` block: the name of the resource":    {after: renamed, more: moved("NAME", "NAME_new")},
	"without a `moved` block: the name of the resource": {after: renamed},
	"with a `moved` block: a key of `for_each`":         {before: withArgument(`for_each = toset(["a"])`), after: withArgument(`for_each = toset(["b"])`), more: moved(`NAME["a"]`, `NAME["b"]`)},
	"without a `moved` block: a key of `for_each`":      {before: withArgument(`for_each = toset(["a"])`), after: withArgument(`for_each = toset(["b"])`)},
	"with a `moved` block: from `count` to `for_each`":  {before: withArgument("count = 1"), after: withArgument(`for_each = toset(["a"])`), more: moved("NAME[0]", `NAME["a"]`)},
	"with a `moved` block: its module": {after: []string{changedMessage, "module \"NAME\" {\n  source = \"./NAME\"\n}\n"},
		more: "moved {\n  from = servicerequest_case_message.NAME\n  to   = module.NAME.servicerequest_case_message.NAME\n}\n"},
	"the resource is removed from the configuration": {after: removed},
	"the resource is replaced with a `removed` block": {after: removed,
		more: "removed {\n  from = servicerequest_case_message.NAME\n  lifecycle {\n    destroy = false\n  }\n}\n"},
	"the state, after `terraform state rm`": {command: "state rm"},
	"nothing, but the plan has `-replace`":  {command: "-replace"},
}

// planned is a plan's resource change, as show -json prints it.
type planned struct {
	Address         string
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
	"Nothing is sent": {"nothing", "nothing"},
	"With a key, nothing is sent. Without one, the message is posted again": {"posts", "nothing, with a warning"},
	"With a key, an error. Without one, another message is posted":          {"posts", "an error, nothing is sent"},
	"Another message is posted":                                             {"posts", "posts"},
}

// changesOf returns the changes of a guide: what changes, the plan, and the outcomes without
// a key and with one. A row of a table may name several changes, which begin alike or are
// separated by semicolons.
func changesOf(t *testing.T, text string) [][]string {
	t.Helper()
	var changes [][]string
	sections := strings.Split(text, "\n### ")[1:]
	if len(sections) != len(changeOutcomes) {
		t.Errorf("%d headings", len(sections))
	}
	for _, section := range sections {
		heading, _, _ := strings.Cut(section, "\n")
		outcomes, ok := changeOutcomes[heading]
		if !ok {
			t.Fatalf("the heading %q is not tested", heading)
		}
		for _, cells := range tableRows(section, "what changes") {
			for _, title := range titlesOf(cells[0]) {
				changes = append(changes, append([]string{title}, cells[1], outcomes[0], outcomes[1]))
			}
		}
	}
	return changes
}

func titlesOf(cell string) []string {
	common, list, found := strings.Cut(cell, ": ")
	if !found {
		return strings.Split(cell, "; ")
	}
	titles := strings.Split(list, "; ")
	for i := range titles {
		titles[i] = common + ": " + titles[i]
	}
	return titles
}

// Every change in the tables of the guide on changes, each with a ticket of its own:
// all of them in one apply, one plan and another apply.
func TestGuideToChanges(t *testing.T) {
	t.Parallel()
	needCLI(t, 7, 10, "removed blocks with a lifecycle")
	rows := changesOf(t, readGuide(t, "change-without-posting"))
	f := newFixture(t, simulator.Options{})
	files := map[string]string{"main.tf": requiredProvider + f.config("")}
	after := map[string]string{"main.tf": requiredProvider + f.config("", `language = "en-us"`)}
	var forget, replace []string
	ticket := func(i int, variant string) string { return fmt.Sprintf("row_%02d_%s", i, variant) }
	seen := map[string]bool{}
	for i, cells := range rows {
		row, ok := changeRows[cells[0]]
		if !ok || seen[cells[0]] {
			t.Fatalf("row %d of the guide is not tested: %q", i+1, cells)
		}
		seen[cells[0]] = true
		for _, variant := range []string{"plain", "keyed"} {
			name, key := ticket(i, variant), ""
			if variant == "keyed" {
				key = fmt.Sprintf("idempotency_key = \"row %04d\"", i)
			}
			f.AddCase(simulator.Case{ID: name})
			f.AddCase(simulator.Case{ID: name + "-other"})
			config := func(change []string, more string) string {
				return strings.NewReplacer("NAME", name, "KEY", key).Replace(strings.NewReplacer(change...).Replace(changedMessage) + more)
			}
			files[name+".tf"] = config(row.before, "")
			after[name+".tf"] = config(row.after, row.more)
			if strings.HasPrefix(after[name+".tf"], "module ") {
				after[filepath.Join(name, "main.tf")] = requiredProvider + config(nil, "")
			}
			address := "servicerequest_case_message." + name
			switch row.command {
			case "state rm":
				forget = append(forget, address)
			case "-replace":
				replace = append(replace, "-replace="+address)
			}
		}
	}
	for title := range changeRows {
		if !seen[title] {
			t.Errorf("the guide has no row %q", title)
		}
	}

	c := newCLI(t, files)
	c.run("apply", "-auto-approve", "-parallelism=20")
	first := map[string]int{}
	for i := range rows {
		for _, variant := range []string{"plain", "keyed"} {
			first[ticket(i, variant)] = f.postsTo(ticket(i, variant))
		}
	}
	c.run(append([]string{"state", "rm"}, forget...)...)
	for name, text := range after {
		c.write(name, text)
	}
	c.run("get")
	before := len(f.Requests())
	c.run(append([]string{"plan", "-out=saved.tfplan"}, replace...)...)
	var plan struct {
		ResourceChanges []planned `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(c.run("show", "-json", "saved.tfplan").stdout), &plan); err != nil {
		t.Fatal(err)
	}
	if len(f.Requests()) != before {
		t.Errorf("the plan makes %d requests", len(f.Requests())-before)
	}
	applied := c.fail("apply", "-json", "-parallelism=20", "saved.tfplan").diagnostics()

	for i, cells := range rows {
		for column, variant := range map[int]string{2: "plain", 3: "keyed"} {
			id := ticket(i, variant)
			var changes []string
			for _, p := range plan.ResourceChanges {
				if p.Change.Before.CaseID == id || p.Change.After.CaseID == id {
					changes = append(changes, p.words())
				}
			}
			slices.Sort(changes)
			if got := strings.Join(changes, " and "); got != cells[1] {
				t.Errorf("%s (%s): the plan has %q, and the guide %q", cells[0], variant, got, cells[1])
			}
			outcome := ""
			posts := f.postsTo(id) + f.postsTo(id+"-other") - first[id]
			for _, d := range about(applied, id+".tf") {
				switch {
				case d.Summary == "The ticket already has this message":
					outcome = "nothing, with a warning"
				case d.Severity == "error":
					outcome = "an error, nothing is sent"
				}
			}
			switch {
			case posts == 1 && outcome == "":
				outcome = "posts"
			case posts == 0 && outcome == "":
				outcome = "nothing"
			case posts != 0:
				outcome = fmt.Sprintf("%s, and %d posts", outcome, posts)
			}
			if outcome != cells[column] {
				t.Errorf("%s (%s): the apply gives %q, and the guide %q", cells[0], variant, outcome, cells[column])
			}
		}
	}
}

// postsTo counts the submits to a ticket.
func (f *fixture) postsTo(caseID string) int {
	n := 0
	for _, r := range f.posts() {
		if strings.Contains(r.Path, "/"+caseID+"/message") {
			n++
		}
	}
	return n
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
		if got := messages[posts-1].AccessoryIDs; len(got) != attachments {
			t.Errorf("the message has the attachments %q, want %d", got, attachments)
		}
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
		if len(m.AccessoryIDs) != 1 {
			t.Errorf("%s: %d attachments", m.Content, len(m.AccessoryIDs))
		}
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
	const folder = "guides/test-your-configuration"
	p := newProtocol(t, newFixture(t, simulator.Options{}))
	got, want := mocked(readText(t, filepath.Join(root, "examples", folder, "mocks", "servicerequest.tfmock.hcl"))), map[string][]string{}
	for kind, schemas := range map[string]map[string]*tfprotov6.Schema{"mock_resource": p.schemas.ResourceSchemas, "mock_data": p.schemas.DataSourceSchemas} {
		for name, schema := range schemas {
			for _, a := range schema.Block.Attributes {
				if a.Computed {
					want[kind+" "+name] = append(want[kind+" "+name], a.Name)
				}
			}
			slices.Sort(want[kind+" "+name])
			if !slices.Equal(got[kind+" "+name], want[kind+" "+name]) {
				t.Errorf("%s %s: mocked are %q, and computed are %q", kind, name, got[kind+" "+name], want[kind+" "+name])
			}
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s is mocked, but does not exist", name)
		}
	}

	needCLI(t, 7, 8, "mock_provider")
	c := newCLI(t, nil)
	copyTree(t, filepath.Join(root, "examples", folder), c.dir)
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
		if outcome != cells[1] {
			t.Errorf("%s: %q, and the guide has %q", cells[0], outcome, cells[1])
		}
	}
}

// mocked returns the attributes that a formatted mock data file mocks, by kind and type.
func mocked(text string) map[string][]string {
	attributes := map[string][]string{}
	current := ""
	for line := range strings.Lines(text) {
		if block := regexp.MustCompile(`^(mock_\w+) "(\w+)" \{`).FindStringSubmatch(line); block != nil {
			current = block[1] + " " + block[2]
		}
		if a := regexp.MustCompile(`^    (\w+) += `).FindStringSubmatch(line); a != nil {
			attributes[current] = append(attributes[current], a[1])
		}
	}
	for _, names := range attributes {
		slices.Sort(names)
	}
	return attributes
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
