package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	attachmentType    = "servicerequest_attachment"
	attachmentAddress = attachmentType + ".test"

	// The outputs of sha256sum and base64 for "pod evicted\n".
	evicted       = "pod evicted\n"
	evictedSHA    = "b07d4053b8af24878b029f1a3ed2ff397dc195fd4644205e4524b5726c49cf7b"
	evictedBase64 = "cG9kIGV2aWN0ZWQK"
)

// writeFile makes a file in a folder, and returns its path.
func writeFile(t *testing.T, folder, name, content string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// wantRequests fails unless exactly these requests came.
func wantRequests(t *testing.T, f *fixture, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, r := range f.Requests() {
		got[r.Operation]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) { // maps print in order
		t.Errorf("requests %v, want %v", got, want)
	}
}

// uploads are the bodies of the upload requests that came, by file name.
func uploads(t *testing.T, f *fixture) map[string]string {
	t.Helper()
	data := map[string]string{}
	for _, r := range f.Requests() {
		if r.Operation != simulator.OpUpload {
			continue
		}
		var body struct {
			Name string `json:"accessory_name"`
			From string `json:"accessory_from"`
			Type *int   `json:"upload_type"`
			Data string `json:"accessory_data"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		if body.From != "message" || body.Type == nil || *body.Type != 0 {
			t.Errorf("accessory_from %q, upload_type %v", body.From, body.Type)
		}
		data[body.Name] = body.Data
	}
	return data
}

// wrapped matches a text that the CLI may have broken into lines.
func wrapped(text string) *regexp.Regexp {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	return regexp.MustCompile(strings.Join(words, `[\s│╷╵]+`))
}

func TestAttachmentIsUploadedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	source := writeFile(t, t.TempDir(), "events.TXT", evicted)
	attachment := f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  source = %q
}`, source))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: attachment,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectKnownValue(attachmentAddress, attribute("name"), knownvalue.StringExact("events.TXT")),
					plancheck.ExpectKnownValue(attachmentAddress, attribute("size"), knownvalue.Int64Exact(12)),
					plancheck.ExpectKnownValue(attachmentAddress, attribute("content_sha256"), knownvalue.StringExact(evictedSHA)),
					plancheck.ExpectUnknownValue(attachmentAddress, attribute("id")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(attachmentAddress, attribute("id"), knownvalue.StringExact("accessory-00000001")),
					statecheck.ExpectKnownValue(attachmentAddress, attribute("name"), knownvalue.StringExact("events.TXT")),
					statecheck.ExpectKnownValue(attachmentAddress, attribute("size"), knownvalue.Int64Exact(12)),
					statecheck.ExpectKnownValue(attachmentAddress, attribute("content_sha256"), knownvalue.StringExact(evictedSHA)),
				},
			},
			{Config: attachment, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
			{RefreshState: true},
		},
	})
	wantRequests(t, f, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 1})
	for _, r := range f.Requests() {
		switch r.Operation {
		case simulator.OpUpload:
			if want := `{"accessory_name":"events.TXT","accessory_from":"message","upload_type":0,"accessory_data":"` + evictedBase64 + `"}`; string(r.Body) != want {
				t.Errorf("body %s\nwant %s", r.Body, want)
			}
		case simulator.OpDeleteAccessory:
			if want := "/v2/servicerequest/accessorys/accessory-00000001"; r.Method != http.MethodDelete || r.Path != want {
				t.Errorf("%s %s, want DELETE %s", r.Method, r.Path, want)
			}
		}
	}
}

// change is a plan check that changes something between plan and apply.
type change func() error

func (c change) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = c()
}

// Terraform plans once more when it applies, and itself reports a file that has
// changed since. It does not tell the provider what was planned.
func TestAttachmentChangedBeforeApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	source := writeFile(t, t.TempDir(), "events.txt", evicted)
	attachment := f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  source = %q
}`, source))
	beforeApply := func(c change) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{c}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config:           attachment,
				ConfigPlanChecks: beforeApply(func() error { return os.WriteFile(source, []byte("pod evictee\n"), 0o600) }),
				ExpectError:      regexp.MustCompile(`content_sha256[\s\S]*` + evictedSHA),
			},
			{
				Config:           attachment,
				ConfigPlanChecks: beforeApply(func() error { return os.Remove(source) }),
				ExpectError:      regexp.MustCompile(`Unusable attachment[\s\S]*\d+:\s+source\s+=[\s\S]*does\s+not\s+exist`),
			},
		},
	})
	wantRequests(t, f, map[string]int{})
}

// A file that is missing after its upload changes nothing, and does not prevent a
// destroy. It cannot be uploaded under another name.
func TestAttachmentOfAMissingFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	source := writeFile(t, t.TempDir(), "events.txt", evicted)
	attachment := func(more string) string {
		return requiredProvider + f.config(fmt.Sprintf("resource \"servicerequest_attachment\" \"test\" {\n  source = %q\n  %s\n}", source, more))
	}
	c := newCLI(t, map[string]string{"main.tf": attachment("")})
	c.run("apply", "-auto-approve")
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	wantAll(t, c.run("plan", "-detailed-exitcode").output(), "No changes", "Warning: The file is missing", "stays as it was uploaded")
	c.write("main.tf", attachment(`name = "other.txt"`))
	wantAll(t, c.fail("plan").output(), "Unusable attachment", "exist. Nothing was sent.")
	wantAll(t, c.fail("plan", "-replace=servicerequest_attachment.test").output(), "Unusable attachment", "exist. Nothing was sent.")
	c.write("main.tf", attachment(""))
	c.run("destroy", "-auto-approve")
	wantRequests(t, f, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 1})
}

// A file that changes after Terraform's last plan is caught here.
func TestAttachmentChangedWhileApplying(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	source := writeFile(t, t.TempDir(), "events.txt", "pod evictee\n")
	schema := p.schemas.ResourceSchemas[attachmentType]
	config := dynamic(t, schema, map[string]any{"source": source})
	response := p.apply(t, attachmentType, dynamic(t, schema, map[string]any{
		"source": source, "name": "events.txt", "id": tftypes.UnknownValue, "size": 12, "content_sha256": evictedSHA,
	}), config)
	if len(response.Diagnostics) != 1 {
		t.Fatalf("%d diagnostics, want 1", len(response.Diagnostics))
	}
	d := response.Diagnostics[0]
	if want := tftypes.NewAttributePath().WithAttributeName("source"); !d.Attribute.Equal(want) {
		t.Errorf("at %s, want %s", d.Attribute, want)
	}
	if !strings.Contains(d.Detail, "has changed since the plan") || !strings.Contains(d.Detail, evictedSHA) {
		t.Errorf("detail %q", d.Detail)
	}
	wantRequests(t, f, map[string]int{})

	// A client that does not plan again may send unknown values.
	response = p.apply(t, attachmentType, dynamic(t, schema, map[string]any{
		"source": source, "name": tftypes.UnknownValue, "id": tftypes.UnknownValue, "size": tftypes.UnknownValue, "content_sha256": tftypes.UnknownValue,
	}), config)
	wantNoDiagnostics(t, response.Diagnostics)
	if got := uploads(t, f); len(got) != 1 || got["events.txt"] == "" {
		t.Errorf("uploaded %v", got)
	}
}

func TestAttachmentOfContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(`
resource "servicerequest_attachment" "test" {
  name    = "größe \"<1>\".txt"
  content = "pod evicted\n"
}
resource "servicerequest_attachment" "bytes" {
  name           = "bytes.png"
  content_base64 = "AP/+"
}`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(attachmentAddress, attribute("content_sha256"), knownvalue.StringExact(evictedSHA)),
				plancheck.ExpectKnownValue("servicerequest_attachment.bytes", attribute("size"), knownvalue.Int64Exact(3)),
			}},
		}},
	})
	wantRequests(t, f, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 2, simulator.OpDeleteAccessory: 2})
	want := map[string]string{`größe "<1>".txt`: evictedBase64, "bytes.png": "AP/+"}
	if got := uploads(t, f); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("uploaded %q, want %q", got, want)
	}
}

func TestAttachmentReplacement(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder, other := t.TempDir(), t.TempDir()
	source := writeFile(t, folder, "events.txt", evicted)
	attachment := func(arguments string) string {
		return f.config("resource \"servicerequest_attachment\" \"test\" {\n" + arguments + "\n}")
	}
	id := func(want string) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(attachmentAddress, attribute("id"), knownvalue.StringExact(want))}
	}
	expect := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(attachmentAddress, action)}}
	}
	counts := func(uploads, deletes int) func() {
		return func() {
			t.Helper()
			want := map[string]int{simulator.OpLimits: uploads, simulator.OpUpload: uploads} // each from a run of its own
			if deletes > 0 {
				want[simulator.OpDeleteAccessory] = deletes
			}
			wantRequests(t, f, want)
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{Config: attachment(fmt.Sprintf("source = %q", source)), ConfigStateChecks: id("accessory-00000001")},
			{ // another content in the file
				PreConfig: func() { writeFile(t, folder, "events.txt", "pod evicted again\n") },
				Config:    attachment(fmt.Sprintf("source = %q", source)), ConfigStateChecks: id("accessory-00000002"),
				ConfigPlanChecks: expect(plancheck.ResourceActionDestroyBeforeCreate),
			},
			{ // another name
				PreConfig: counts(2, 1),
				Config:    attachment(fmt.Sprintf("source = %q\nname = %q", source, "second.txt")), ConfigStateChecks: id("accessory-00000003"),
				ConfigPlanChecks: expect(plancheck.ResourceActionDestroyBeforeCreate),
			},
			{ // the same content from elsewhere
				PreConfig: func() {
					counts(3, 2)()
					writeFile(t, other, "same.txt", "pod evicted again\n")
				},
				Config: attachment(fmt.Sprintf("source = %q\nname = %q", filepath.Join(other, "same.txt"), "second.txt")), ConfigStateChecks: id("accessory-00000003"),
				ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
			},
			{
				Config: attachment(`content = "pod evicted again\n"
name = "second.txt"`), ConfigStateChecks: id("accessory-00000003"),
				ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
			},
		},
	})
	counts(3, 3)()
}

func TestAttachmentUnknownValuesWait(t *testing.T) {
	t.Parallel()
	needCLI(t, 4, 0, "terraform_data")
	f := newFixture(t, simulator.Options{})
	folder := t.TempDir()
	writeFile(t, folder, "events.txt", evicted)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: f.config(fmt.Sprintf(`
resource "terraform_data" "later" {}
resource "servicerequest_attachment" "test" {
  source = "%s/${terraform_data.later.id == "" ? "" : "events.txt"}"
}
resource "servicerequest_attachment" "text" {
  name    = "${terraform_data.later.id == "" ? "" : "run.txt"}"
  content = "run ${terraform_data.later.id}"
}`, filepath.ToSlash(folder))),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(attachmentAddress, attribute("name")),
					plancheck.ExpectUnknownValue(attachmentAddress, attribute("size")),
					plancheck.ExpectUnknownValue(attachmentAddress, attribute("content_sha256")),
					plancheck.ExpectUnknownValue("servicerequest_attachment.text", attribute("name")),
					plancheck.ExpectUnknownValue("servicerequest_attachment.text", attribute("content_sha256")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(attachmentAddress, attribute("name"), knownvalue.StringExact("events.txt")),
					statecheck.ExpectKnownValue(attachmentAddress, attribute("content_sha256"), knownvalue.StringExact(evictedSHA)),
					statecheck.ExpectKnownValue("servicerequest_attachment.text", attribute("name"), knownvalue.StringExact("run.txt")),
					statecheck.ExpectKnownValue("servicerequest_attachment.text", attribute("size"), knownvalue.Int64Exact(40)),
				},
			},
			{ // wrong values that show only now
				Config: f.config(fmt.Sprintf(`
resource "terraform_data" "much_later" {}
resource "servicerequest_attachment" "test" {
  source = "%s/${terraform_data.much_later.id == "" ? "events.txt" : "."}"
}`, filepath.ToSlash(folder))),
				ExpectError: regexp.MustCompile(`Unusable attachment[\s\S]*\d+:\s+source\s+=[\s\S]*is\s+a\s+directory`),
			},
		},
	})
	if got := f.Count(simulator.OpUpload); got != 2 {
		t.Errorf("%d uploads, want 2", got)
	}
}

func TestAttachmentOfMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{StrictAccessories: true})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(`
resource "servicerequest_attachment" "test" {
  name    = "events.txt"
  content = "pod evicted\n"
}
resource "servicerequest_case_message" "test" {
  case_id       = "TT201801020526"
  content       = "The events are attached."
  accessory_ids = [servicerequest_attachment.test.id]
}`),
		}},
	})
	// Destroyed, although the service refused to delete what a message uses.
	wantRequests(t, f, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpList: 1, simulator.OpSubmit: 1, simulator.OpDeleteAccessory: 1})
	messages := f.Messages(testCase)
	if len(messages) != 1 || !slices.Equal(messages[0].AccessoryIDs, []string{"accessory-00000001"}) {
		t.Errorf("on the ticket: %+v", messages)
	}
}

func TestAttachmentParallel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{NumericLimits: true})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(`
resource "servicerequest_attachment" "test" {
  count   = 20
  name    = "part-${count.index}.txt"
  content = "part ${count.index}"
}`),
		}},
	})
	wantRequests(t, f, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 20, simulator.OpDeleteAccessory: 20})
	if got := uploads(t, f); len(got) != 20 || got["part-17.txt"] != "cGFydCAxNw==" {
		t.Errorf("uploaded %v", got)
	}
}

func TestAttachmentIsRetried(t *testing.T) {
	t.Parallel()
	config := `
resource "servicerequest_attachment" "test" {
  name    = "events.txt"
  content = "pod evicted\n"
}`
	for _, test := range []struct {
		fault   simulator.Fault
		want    map[string]int
		id      string
		failure *regexp.Regexp
	}{
		{
			fault: simulator.Fault{Kind: "503", Operation: simulator.OpUpload, Times: 2, RetryAfter: "7"}, id: "accessory-00000001",
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 3, simulator.OpDeleteAccessory: 1},
		},
		{ // the first upload stays behind, unused
			fault: simulator.Fault{Kind: "lost-answer", Operation: simulator.OpUpload, Times: 1}, id: "accessory-00000002",
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 2, simulator.OpDeleteAccessory: 1},
		},
		{
			fault: simulator.Fault{Kind: "503", Operation: simulator.OpUpload}, failure: wrapped("HTTP 503"),
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 4},
		},
		{
			fault: simulator.Fault{Kind: "403", Operation: simulator.OpUpload}, failure: wrapped("Unable to upload the attachment"),
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1},
		},
		{ // limits that cannot be read keep nobody from uploading
			fault: simulator.Fault{Kind: "403", Operation: simulator.OpLimits}, id: "accessory-00000001",
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 1},
		},
		{
			fault: simulator.Fault{Kind: "503", Operation: simulator.OpDeleteAccessory, Times: 1}, id: "accessory-00000001",
			want: map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 2},
		},
	} {
		t.Run(fmt.Sprintf("%s/%s/%d", test.fault.Operation, test.fault.Kind, test.fault.Times), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{Faults: []simulator.Fault{test.fault}})
			step := resource.TestStep{Config: f.config(config), ExpectError: test.failure}
			if test.failure == nil {
				step.ConfigStateChecks = []statecheck.StateCheck{
					statecheck.ExpectKnownValue(attachmentAddress, attribute("id"), knownvalue.StringExact(test.id)),
				}
			}
			resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: f.providers, Steps: []resource.TestStep{step}})
			wantRequests(t, f, test.want)
		})
	}
}

func TestAttachmentLimitsOfTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder := t.TempDir()
	largest := writeFile(t, folder, "largest.txt", strings.Repeat("x", 2<<20))
	larger := writeFile(t, folder, "larger.txt", strings.Repeat("x", 2<<20+1))
	program := writeFile(t, folder, "setup.exe", "MZ")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  source = %q
}`, larger)),
				ExpectError: regexp.MustCompile(`\d+:\s+source\s+=[\s\S]*2097153\s+bytes[\s\S]*at\s+most\s+2\s+MB`),
			},
			{
				Config: f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  source = %q
}`, program)),
				ExpectError: regexp.MustCompile(`\d+:\s+source\s+=[\s\S]*"setup.exe"[\s\S]*jpg,\s+jpeg,[\s\S]*set\s+name\s+=\s+"setup.exe.txt"`),
			},
			{
				Config: f.config(`
resource "servicerequest_attachment" "test" {
  content = "no type"
  name    = "events"
}`),
				ExpectError: regexp.MustCompile(`\d+:\s+name\s+=[\s\S]*"events"[\s\S]*jpg,\s+jpeg,[\s\S]*set\s+name\s+=\s+"events.txt"`),
			},
			{
				PreConfig: func() { wantRequests(t, f, map[string]int{simulator.OpLimits: 3}) },
				Config: f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  source = %q
}`, largest)),
			},
		},
	})
	wantRequests(t, f, map[string]int{simulator.OpLimits: 4, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 1})
}

func TestAttachmentBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder := t.TempDir()
	empty := writeFile(t, folder, "empty.txt", "")
	tab := writeFile(t, folder, "a\tb.txt", "x")
	loop := filepath.Join(folder, "loop.txt")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	huge := writeFile(t, folder, "huge.txt", "")
	if err := os.Truncate(huge, 9<<20+1); err != nil {
		t.Fatal(err)
	}
	var steps []resource.TestStep
	for _, test := range []struct {
		arguments string
		at        string // the line that the error is about
		want      string
	}{
		{fmt.Sprintf("source = %q", filepath.Join(folder, "missing.txt")), "source", "does not exist"},
		{fmt.Sprintf("source = %q", folder), "source", "is a directory"},
		{fmt.Sprintf("source = %q", os.DevNull), "source", "is not a regular file"},
		{fmt.Sprintf("source = %q", loop), "source", "cannot be read"},
		{fmt.Sprintf("source = %q", empty), "source", "is empty"},
		{fmt.Sprintf("source = %q", huge), "source", "has 9437185 bytes"},
		{fmt.Sprintf("source = %q", tab), "source", "has a name that cannot be used: it contains a line break or another control character"},
		{`source = ""`, "source", "must not be empty"},
		{"content = \"\"\nname = \"a.txt\"", "content", "must not be empty"},
		{"content_base64 = \"\"\nname = \"a.txt\"", "content_base64", "must not be empty"},
		{"content_base64 = \"a\"\nname = \"a.txt\"", "content_base64", "must be base64"},
		{"content_base64 = \"-_-_\"\nname = \"a.txt\"", "content_base64", "must be base64"},
		{`content = "x"`, "resource", "Missing name"},
		{`content_base64 = "eA=="`, "resource", "Missing name"},
		{"content = \"x\"\nname = \"\"", "name", "must have 1 to 512 characters, but has 0"},
		{"content = \"x\"\nname = \"" + strings.Repeat("ö", 513) + "\"", "name", "must have 1 to 512 characters, but has 513"},
		{"content = \"x\"\nname = \"a\\nb.txt\"", "name", "contains a line break or another control character; remove it"},
		{"content = \"x\"\nname = \"a/b.txt\"", "name", `must be a file name, without "/" and "\".`},
		{`name = "a.txt"`, "resource", "No attribute specified when one (and only one)"},
		{fmt.Sprintf("content = \"x\"\nsource = %q", empty), "source", "2 attributes specified when one (and only one)"},
		{"content = \"x\"\ncontent_base64 = \"eA==\"\nname = \"a.txt\"", "resource", "2 attributes specified when one (and only one)"},
	} {
		words := wrapped(test.want).String()
		line := `\d+:\s+` + test.at + `\s[\s\S]*`
		steps = append(steps, resource.TestStep{
			Config:      f.config("resource \"servicerequest_attachment\" \"test\" {\n" + test.arguments + "\n}"),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(line + words + "|" + words + `[\s\S]*` + line),
		})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: f.providers, Steps: steps})
	wantRequests(t, f, map[string]int{})
}

// Destroying an attachment that the service keeps is ordinary and causes no warning.
func TestAttachmentThatTheServiceKeeps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		use   bool
		fault simulator.Fault
		want  string // in the error; empty is none
	}{
		{name: "in use", use: true},
		{name: "missing"},
		{name: "forbidden", fault: simulator.Fault{Kind: "403", Operation: simulator.OpDeleteAccessory}},
		{name: "unauthenticated", fault: simulator.Fault{Kind: "401", Operation: simulator.OpDeleteAccessory}, want: "HTTP 401"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{})
			p := newProtocol(t, f)
			if test.fault.Kind != "" {
				f.SetFaults(test.fault)
			}
			schema := p.schemas.ResourceSchemas[attachmentType]
			values := func(id any) map[string]any {
				return map[string]any{"content": evicted, "name": "events.txt", "id": id, "size": 12, "content_sha256": evictedSHA}
			}
			wantNoDiagnostics(t, p.apply(t, attachmentType, dynamic(t, schema, values(tftypes.UnknownValue)),
				dynamic(t, schema, map[string]any{"content": evicted, "name": "events.txt"})).Diagnostics)
			id := "accessory-00000002"
			if test.use {
				id = "accessory-00000001"
				f.AddMessage(testCase, simulator.Message{Content: "See the events", AccessoryIDs: []string{id}})
			}

			none, err := tfprotov6.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), nil))
			if err != nil {
				t.Fatal(err)
			}
			response, err := p.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
				TypeName: attachmentType, PriorState: dynamic(t, schema, values(id)), PlannedState: &none, Config: &none,
			})
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				wantNoDiagnostics(t, response.Diagnostics)
			} else if len(response.Diagnostics) != 1 || response.Diagnostics[0].Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(response.Diagnostics[0].Detail, test.want) {
				t.Fatalf("diagnostics %+v", response.Diagnostics)
			}
			left, err := response.NewState.Unmarshal(schema.ValueType())
			if err != nil {
				t.Fatal(err)
			}
			if removed := test.want == ""; left.IsNull() != removed {
				t.Errorf("removed from the state: %t, want %t", left.IsNull(), removed)
			}
			if got := f.Count(simulator.OpDeleteAccessory); got != 1 {
				t.Errorf("%d deletes, want 1", got)
			}
		})
	}
}

// Replacing and destroying attachments that messages use: no warning at all.
func TestAttachmentsInUseAreQuiet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{StrictAccessories: true})
	config := func(text string) string {
		return requiredProvider + f.config(fmt.Sprintf(`
resource "servicerequest_attachment" "test" {
  count   = 3
  name    = "events-${count.index}.txt"
  content = "%[1]s ${count.index}"
}
resource "servicerequest_case_message" "test" {
  case_id       = "TT201801020526"
  content       = "The events are attached: %[1]s"
  accessory_ids = servicerequest_attachment.test[*].id
}`, text))
	}
	c := newCLI(t, map[string]string{"main.tf": config("first")})
	c.run("apply", "-auto-approve")
	c.write("main.tf", config("second"))
	for _, r := range []result{c.run("apply", "-json", "-auto-approve"), c.run("destroy", "-json", "-auto-approve")} {
		for _, d := range about(r.diagnostics(), "main.tf") {
			if d.Severity == "error" || d.Summary != "The message stays on the ticket" {
				t.Errorf("%s: %s: %s", d.Severity, d.Summary, d.Detail)
			}
		}
	}
	if got := f.Count(simulator.OpDeleteAccessory); got != 6 {
		t.Errorf("%d deletes, want 6", got)
	}
}

// A type that the service does not document is known at plan.
func TestAttachmentTypeWarning(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder := t.TempDir()
	log := writeFile(t, folder, "run.log", "x")
	rows := []struct {
		name, arguments string
		line            string // that the warning points at; empty is no warning
	}{
		{"source", fmt.Sprintf("source = %q", log), "source ="},
		{"renamed", fmt.Sprintf("source = %q\nname = \"run.log.txt\"", log), ""},
		{"name", "content = \"x\"\nname = \"run.log\"", "name ="},
		{"no_extension", "content = \"x\"\nname = \"txt\"", "name ="},
		{"upper_case", "content = \"x\"\nname = \"run.TXT\"", ""},
		{"last_of_the_list", "content = \"x\"\nname = \"a.xlsx\"", ""},
	}
	files := map[string]string{"main.tf": requiredProvider + f.config("")}
	for _, row := range rows {
		files[row.name+".tf"] = fmt.Sprintf("resource \"servicerequest_attachment\" %q {\n%s\n}", row.name, row.arguments)
	}
	c := newCLI(t, files)
	warnings := c.run("plan", "-json").diagnostics()
	for _, row := range rows {
		got := about(warnings, row.name+".tf")
		if row.line == "" {
			if len(got) != 0 {
				t.Errorf("%s: %+v", row.name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Severity != "warning" || !strings.Contains(got[0].Snippet.Code, row.line) {
			t.Errorf("%s: %+v, want one warning at %q", row.name, got, row.line)
			continue
		}
		wantAll(t, got[0].Detail, "jpg, jpeg, bmp, png, gif, txt, doc, docx, rar, zip, pdf, xls, xlsx", `.txt".`)
	}
	wantAll(t, about(warnings, "source.tf")[0].Detail, `set name = "run.log.txt"`)
	wantRequests(t, f, map[string]int{})
}

func TestAttachmentUnknownLimitsAreLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "403", Operation: simulator.OpLimits}}})
	var log bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &log)
	c := readConfig(&providerModel{Endpoint: types.StringValue(f.URL()), Token: types.StringValue(testToken)}, environment)
	client, err := servicerequest.New(c.client)
	if err != nil {
		t.Fatal(err)
	}
	r := &attachmentResource{provider: &providerData{client: client, secrets: c.secrets}}
	var schema fwresource.SchemaResponse
	r.Schema(ctx, fwresource.SchemaRequest{}, &schema)
	plan := tfsdk.Plan{Schema: schema.Schema}
	diags := plan.Set(ctx, attachmentModel{Content: types.StringValue(evicted), Name: types.StringValue("events.txt"),
		ID: types.StringUnknown(), Size: types.Int64Value(12), ContentSHA256: types.StringValue(evictedSHA)})
	if diags.HasError() {
		t.Fatal(diags)
	}
	response := fwresource.CreateResponse{State: tfsdk.State{Schema: schema.Schema}}
	r.Create(ctx, fwresource.CreateRequest{Plan: plan}, &response)
	if response.Diagnostics.HasError() {
		t.Fatal(response.Diagnostics)
	}
	entries, err := tflogtest.MultilineJSONDecode(&log)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(entries, func(e map[string]any) bool {
		return e["@level"] == "warn" && e["name"] == "events.txt" && strings.Contains(fmt.Sprint(e["reason"]), "HTTP 403")
	}) {
		t.Errorf("no warning in %v", entries)
	}
}
