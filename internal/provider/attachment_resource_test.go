package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	attachmentType = "servicerequest_attachment"

	// The outputs of sha256sum and base64 for "pod evicted\n".
	evicted       = "pod evicted\n"
	evictedSHA    = "b07d4053b8af24878b029f1a3ed2ff397dc195fd4644205e4524b5726c49cf7b"
	evictedBase64 = "cG9kIGV2aWN0ZWQK"
)

// uploadBody is the body of the request that uploads a file.
func uploadBody(name, content string) string {
	return fmt.Sprintf(`{"accessory_name":%s,"accessory_from":"message","upload_type":0,"accessory_data":%q}`, must(json.Marshal(name)), content)
}

// events is an attachment of a text.
var events = object{"name": "events.txt", "content": evicted}

func TestAttachment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder, other := t.TempDir(), t.TempDir()
	source := writeFile(t, folder, "events.TXT", evicted)
	m := newProtocol(t, f).manage(t, attachmentType)
	c := m.plan(object{"source": source})
	state := object{"source": source, "content": nil, "content_base64": nil, "name": "events.TXT", "size": 12.0, "content_sha256": evictedSHA}
	wantValue(t, "the plan", plain(t, m.unmarshal(c.planned)), merged(state, object{"id": tftypes.UnknownValue}))
	wantNoDiagnostics(t, m.applyChange(c))
	wantValue(t, "the state", plain(t, m.state), merged(state, object{"id": "accessory-00000001"}))
	wantValue(t, "the bodies", f.bodies(simulator.OpUpload), []string{uploadBody("events.TXT", evictedBase64)})

	again := "pod evicted again\n"
	for _, step := range []struct {
		name   string
		edit   func()
		config object
		action string
		id     string
	}{
		{"nothing", nil, object{"source": source}, "no-op", "accessory-00000001"},
		{"another content in the file", func() { writeFile(t, folder, "events.TXT", again) }, object{"source": source}, "replace", "accessory-00000002"},
		{"another name", nil, object{"source": source, "name": "2.txt"}, "replace", "accessory-00000003"},
		{"the same from elsewhere", nil, object{"source": writeFile(t, other, "same.txt", again), "name": "2.txt"}, "update", "accessory-00000003"},
		{"the same as a text", nil, object{"content": again, "name": "2.txt"}, "update", "accessory-00000003"},
	} {
		if step.edit != nil {
			step.edit()
		}
		c := m.plan(step.config)
		wantValue(t, step.name+": the action", c.action, step.action)
		wantNoDiagnostics(t, m.applyChange(c))
		wantValue(t, step.name+": the ID", m.get("id"), step.id)
	}
	wantNoDiagnostics(t, m.destroy())
	f.wantCounts(t, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 3, simulator.OpDeleteAccessory: 1}) // Terraform destroys what is replaced
	last := f.requests(simulator.OpDeleteAccessory)[0]
	wantValue(t, "the delete", last.Method+" "+last.Path, "DELETE /v2/servicerequest/accessorys/accessory-00000003")
}

func TestAttachmentOfContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	wantNoDiagnostics(t, p.manage(t, attachmentType).apply(object{"name": "größe \"<1>\".txt", "content": evicted}))
	bytes := p.manage(t, attachmentType)
	wantNoDiagnostics(t, bytes.apply(object{"name": "bytes.png", "content_base64": "AP/+"}))
	wantValue(t, "the size", bytes.get("size"), 3.0)
	wantValue(t, "the bodies", f.bodies(simulator.OpUpload), []string{uploadBody(`größe "<1>".txt`, evictedBase64), uploadBody("bytes.png", "AP/+")})
}

// Terraform plans once more when it applies, and itself reports a file that has
// changed since.
func TestAttachmentChangedBeforeApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newCLI(t, map[string]string{"events.txt": evicted, "main.tf": requiredProvider + f.config(`
resource "servicerequest_attachment" "test" {
  source = "events.txt"
}`)})
	c.run("plan", "-out=saved")
	c.write("events.txt", "pod evictee\n")
	wantAll(t, c.fail("apply", "saved").output(), "Provider produced inconsistent final plan", "content_sha256", evictedSHA)
	f.wantCounts(t, map[string]int{})
}

// A file that changes after Terraform's last plan is caught here.
func TestAttachmentChangedWhileApplying(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	m := newProtocol(t, f).manage(t, attachmentType)
	source := writeFile(t, t.TempDir(), "events.txt", evicted)
	c := m.plan(object{"source": source})
	writeFile(t, filepath.Dir(source), "events.txt", "pod evictee\n")
	wantOne(t, m.applyChange(c), "error at source", "has changed since the plan", evictedSHA)
	f.wantCounts(t, map[string]int{})
}

// A file that is missing after its upload changes nothing, and does not prevent a
// destroy. It cannot be uploaded under another name.
func TestAttachmentOfAMissingFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	source := writeFile(t, t.TempDir(), "events.txt", evicted)
	m := newProtocol(t, f).manage(t, attachmentType)
	wantNoDiagnostics(t, m.apply(object{"source": source}))
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	c := m.plan(object{"source": source})
	wantOne(t, c.diagnostics, "warning at source", "The file is missing", "stays as it was uploaded")
	wantValue(t, "the action", c.action, "no-op")
	wantOne(t, m.plan(object{"source": source, "name": "other.txt"}).diagnostics, "error at source", "Unusable attachment", "does not exist; if another resource of this apply writes it, take the path from an output of that resource, such as source = terraform_data.report.output. Nothing was sent.")
	wantNoDiagnostics(t, m.destroy())
	f.wantCounts(t, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 1, simulator.OpDeleteAccessory: 1})
}

func TestAttachmentUnknownValuesWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	m := newProtocol(t, f).manage(t, attachmentType)
	source := writeFile(t, t.TempDir(), "events.txt", evicted)
	unknown := object{"id": tftypes.UnknownValue, "name": tftypes.UnknownValue, "size": tftypes.UnknownValue, "content_sha256": tftypes.UnknownValue}
	none := object{"source": nil, "content": nil, "content_base64": nil}
	for _, config := range []object{{"source": tftypes.UnknownValue}, {"name": tftypes.UnknownValue, "content": tftypes.UnknownValue}} {
		c := m.plan(config)
		wantNoDiagnostics(t, c.diagnostics)
		wantValue(t, "the plan", plain(t, m.unmarshal(c.planned)), merged(none, config, unknown))
	}
	// Wrong values that show only now, and then right ones.
	folder := object{"source": filepath.Dir(source)}
	wantOne(t, m.create(merged(folder, unknown), folder), "error at source", "Unusable attachment", "is a directory")
	f.wantCounts(t, map[string]int{})
	file := object{"source": source}
	wantNoDiagnostics(t, m.create(merged(file, unknown), file))
	wantValue(t, "the bodies", f.bodies(simulator.OpUpload), []string{uploadBody("events.txt", evictedBase64)})
}

// Limits that cannot be read keep nobody from uploading. An upload whose answer is lost
// stays behind, unused.
func TestAttachmentIsRetried(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: "403", Operation: simulator.OpLimits}, {Kind: "lost-answer", Operation: simulator.OpUpload, Times: 1},
	}})
	p := newProtocol(t, f)
	m := p.manage(t, attachmentType)
	wantNoDiagnostics(t, m.apply(events))
	wantValue(t, "the ID", m.get("id"), "accessory-00000002")
	f.wantCounts(t, map[string]int{simulator.OpLimits: 1, simulator.OpUpload: 2})
	f.SetFaults(simulator.Fault{Kind: "503", Operation: simulator.OpUpload})
	wantOne(t, p.manage(t, attachmentType).apply(events), "error", "Unable to upload the attachment", "HTTP 503")
}

func TestAttachmentLimitsOfTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	folder := t.TempDir()
	p := newProtocol(t, f)
	for _, row := range []struct {
		config object
		kind   string // of the diagnostic of the apply
		parts  []string
	}{
		{object{"source": writeFile(t, folder, "larger.txt", strings.Repeat("x", 2<<20+1))}, "error at source", []string{"2097153 bytes", "at most 2 MB"}},
		{object{"source": writeFile(t, folder, "setup.exe", "MZ")}, "error at source", []string{`"setup.exe"`, "jpg, jpeg,", `set name = "setup.exe.txt"`}},
	} {
		m := p.manage(t, attachmentType)
		c := m.plan(row.config)
		c.diagnostics = nil // of a type that no page documents
		wantOne(t, m.applyChange(c), row.kind, row.parts...)
	}
	f.wantCounts(t, map[string]int{simulator.OpLimits: 1})
}

// The advice never repeats the type that was refused.
func TestTypeAdvice(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, types, want string }{
		{"trace.log", "txt zip", `If it is a text, set name = "trace.log.txt". Otherwise send it in a zip archive.`},
		{"trace.log", "txt", `If it is a text, set name = "trace.log.txt".`},
		{"trace.txt", "png zip", "Send it in a zip archive."},
		{"trace.txt", "png", "Send it as one of these."},
	} {
		wantValue(t, row.name+" among "+row.types, typeAdvice(row.name, servicerequest.AttachmentLimits{Types: strings.Fields(row.types)}), row.want)
	}
}

// macOS and Linux write an accent in two ways.
func TestMissingFileInAnotherUnicodeForm(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, "cafe\u0301.txt", "x")
	if _, _, err := openFile(filepath.Join(folder, "caf\u00e9.txt")); err != nil && !strings.Contains(err.Error(), `another Unicode form: "cafe\u0301.txt"`) {
		t.Error(err) // a file system may take both for one
	}
}

func TestAttachmentBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	folder := t.TempDir()
	loop := filepath.Join(folder, "loop.txt")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	empty, huge := writeFile(t, folder, "empty.txt", ""), writeFile(t, folder, "huge.txt", "")
	if err := os.Truncate(huge, 9<<20+1); err != nil {
		t.Fatal(err)
	}
	named := func(name string) object { return object{"content": "x", "name": name} }
	for _, row := range []struct {
		config   object
		at, want string
	}{
		{object{"source": filepath.Join(folder, "missing.txt")}, "source", "does not exist"},
		{object{"source": folder}, "source", "is a directory"},
		{object{"source": os.DevNull}, "source", "is not a regular file"},
		{object{"source": loop}, "source", "cannot be read"},
		{object{"source": empty}, "source", "is empty"},
		{object{"source": huge}, "source", "has 9437185 bytes, but at most 9437115 fit into a request: the service accepts 12 MB"},
		{object{"source": writeFile(t, folder, "a\u0085b.txt", "x")}, "source", "has a name that cannot be used: it contains a line break or another control character"},
		{object{"source": ""}, "source", "is empty; to leave it out, set it to null"},
		{object{"content": "", "name": "a.txt"}, "content", "is empty; to leave it out, set it to null"},
		{object{"content_base64": "", "name": "a.txt"}, "content_base64", "is empty; to leave it out, set it to null"},
		{object{"content_base64": "-_-_", "name": "a.txt"}, "content_base64", "must be base64"},
		{object{"content": "x"}, "name", "Missing name"},
		{object{"content_base64": "eA=="}, "name", "Missing name"},
		{named(""), "name", "must have 1 to 512 characters, but has 0"},
		{named(strings.Repeat("ö", 513)), "name", "must have 1 to 512 characters, but has 513"},
		{named("a\nb.txt"), "name", "contains a line break or another control character; remove it"},
		{named("a/b.txt"), "name", `must be a file name, without "/" and "\".`},
		{object{"name": "a.txt"}, "source", "No attribute specified when one (and only one)"},
		{object{"content": "x", "source": empty}, "source", "2 attributes specified when one (and only one)"},
	} {
		wantOne(t, p.manage(t, attachmentType).plan(row.config).diagnostics, "error at "+row.at, row.want)
	}
	f.wantCounts(t, map[string]int{})
}

// A type that the service does not document is known at plan.
func TestAttachmentTypeWarning(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	log := writeFile(t, t.TempDir(), "run.log", "x")
	for _, row := range []struct {
		config object
		at     string // empty is no warning
	}{
		{object{"source": log}, "source"},
		{object{"source": log, "name": "run.log.txt"}, ""},
		{object{"content": "x", "name": "run.log"}, "name"},
		{object{"content": "x", "name": "a.xlsx"}, ""},
	} {
		got := p.manage(t, attachmentType).plan(row.config).diagnostics
		if row.at == "" {
			wantNoDiagnostics(t, got)
			continue
		}
		wantOne(t, got, "warning at "+row.at, "Undocumented type of attachment", "jpg, jpeg, bmp, png, gif, txt, doc, docx, rar, zip, pdf, xls, xlsx", `.txt".`)
	}
	// Not again, once a service has accepted the file.
	uploaded := newProtocol(t, f, always(t, `{"accessory_id":"a"}`)).manage(t, attachmentType)
	wantOne(t, uploaded.apply(object{"source": log}), "warning at source")
	c := uploaded.plan(object{"source": log})
	wantNoDiagnostics(t, c.diagnostics)
	wantValue(t, "the action", c.action, "no-op")
}

// Destroying an attachment that the service keeps is ordinary and causes no warning.
func TestAttachmentThatTheServiceKeeps(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	m := newProtocol(t, f).manage(t, attachmentType)
	wantNoDiagnostics(t, m.apply(events))
	f.SetFaults(simulator.Fault{Kind: "401", Operation: simulator.OpDeleteAccessory})
	wantOne(t, m.destroy(), "error", "Unable to delete the attachment", "HTTP 401")
	wantValue(t, "that it is removed from the state", m.state.IsNull(), false)
	f.SetFaults()
	f.AddMessage(testCase, simulator.Message{Content: "See the events", AccessoryIDs: []string{"accessory-00000001"}})
	wantNoDiagnostics(t, m.destroy())
	wantValue(t, "that it is removed from the state", m.state.IsNull(), true)
	wantValue(t, "the number of deletes", f.Count(simulator.OpDeleteAccessory), 2)
}
