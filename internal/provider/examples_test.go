package provider

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const root = "../.."

// features are parts of the language that only some CLIs have.
var features = []struct {
	name            string
	pattern         *regexp.Regexp
	terraform, tofu int // 1.x
}{
	{"moved blocks", regexp.MustCompile(`(?m)^moved \{`), 1, 0},
	{"conditions", regexp.MustCompile(`(?:pre|post)condition \{`), 2, 0},
	{"terraform_data", regexp.MustCompile(`\bterraform_data\b`), 4, 0},
	{"check blocks", regexp.MustCompile(`(?m)^check "`), 5, 0},
	{"import blocks", regexp.MustCompile(`(?m)^import \{`), 5, 0},
	{"removed blocks", regexp.MustCompile(`(?m)^removed \{`), 7, 10},
	{"ephemeral variables", regexp.MustCompile(`ephemeral\s+= true`), 10, 11},
	{"write-only attributes", regexp.MustCompile(`content_wo\s+=`), 11, 11},
	{"import by identity", regexp.MustCompile(`(?m)^\s+identity\s+= \{`), 12, 12},
	{"actions", regexp.MustCompile(`(?m)^action "`), 14, never},
	{"on_failure", regexp.MustCompile(`on_failure\s+=`), 16, never},
}

func needFeatures(t *testing.T, text string) {
	t.Helper()
	for _, f := range features {
		if f.pattern.MatchString(text) {
			needCLI(t, f.terraform, f.tofu, f.name)
		}
	}
}

// newExampleFixture has what the examples use: a ticket and a message on it.
func newExampleFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, simulator.Options{StrictAccessories: true})
	f.AddMessage(testCase, simulator.Message{
		ID: "message-00000001", Content: "We have restarted the nodes of cluster-1, as you asked.", CreateTime: time.Now().Add(-24 * time.Hour),
	})
	return f
}

// whole returns a configuration that names the provider's source. It adds the source if
// it is missing.
func whole(text string) string {
	if strings.Contains(text, "required_providers") {
		return text
	}
	return requiredProvider + text
}

// elsewhere are the folders under examples/ that have tests of their own.
var elsewhere = []string{"guides/check-your-site", "guides/credentials", "guides/gitops", "guides/long-texts", "guides/pipelines", "guides/runbook", "guides/sites", "guides/test-your-configuration", "modules"}

// Each configuration under examples/ stands alone, with the text files beside it. It is
// applied, and planned again without a change.
func TestExamples(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(os.DirFS(root+"/examples"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		run := map[string]func(*testing.T, string, string){".tf": runExample, ".sh": runImport, ".hcl": runQuery}[path.Ext(name)]
		switch {
		case slices.Contains(elsewhere, name):
			return fs.SkipDir
		case run != nil:
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				folder := root + "/examples/" + path.Dir(name)
				run(t, folder, readText(t, folder+"/"+path.Base(name)))
			})
		case !entry.IsDir() && name != "README.md" && path.Ext(name) != ".txt":
			t.Errorf("nobody runs %s", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func runExample(t *testing.T, folder, text string) {
	needFeatures(t, text)
	f := newExampleFixture(t)
	c := newCLI(t, nil, f.env("TF_VAR_release=1.4.0")...)
	copyTree(t, folder, c.dir)
	for _, name := range glob(t, filepath.Join(c.dir, "*.tf")) { // the others stand alone, too
		c.remove(filepath.Base(name))
	}
	c.write("main.tf", whole(text))
	c.run("apply", "-auto-approve")
	if len(f.Requests()) == 0 {
		t.Error("it makes no request")
	}
	submits := f.Count(simulator.OpSubmit)
	if strings.Contains(text, "\nimport {") && submits != 0 {
		t.Error("an import submits")
	}
	c.run("plan", "-detailed-exitcode")
	f.wantSubmits(t, submits)
}

// runImport runs the command of an import.sh.
func runImport(t *testing.T, _, script string) {
	command := regexp.MustCompile(`(?m)^terraform (import (\S+) \S+)$`).FindStringSubmatch(script)
	if command == nil {
		t.Fatalf("no terraform import in:\n%s", script)
	}
	f := newExampleFixture(t)
	c := newCLI(t, map[string]string{"main.tf": requiredProvider + "resource \"servicerequest_case_message\" \"imported\" {\n  case_id = \"TT1\"\n  content = \"text\"\n}\n"}, f.env()...)
	c.run(strings.Fields(command[1])...)
	wantValue(t, "the state", strings.TrimSpace(c.run("state", "list").stdout), command[2])
	f.wantSubmits(t, 0)
}

func runQuery(t *testing.T, _, text string) {
	needCLI(t, 14, never, "terraform query")
	f := newExampleFixture(t)
	c := newCLI(t, map[string]string{"main.tf": requiredProvider, "list.tfquery.hcl": text}, f.env()...)
	wantAll(t, c.run("query").output(), testCase)
}

// Every configuration that a guide or the README has in its text is valid.
func TestConfigurationsInTexts(t *testing.T) {
	t.Parallel()
	texts := glob(t, root+"/templates/*/*.tmpl")
	blocks := regexp.MustCompile("(?ms)^( *)```(?:terraform|hcl)\n(.*?)^ *```")
	found := 0
	for _, name := range append(texts, root+"/templates/index.md.tmpl", root+"/README.md") {
		for _, block := range blocks.FindAllStringSubmatch(readText(t, name), -1) {
			found++
			config := regexp.MustCompile(`(?m)^`+block[1]).ReplaceAllString(block[2], "")
			t.Run(filepath.Base(name), func(t *testing.T) {
				t.Parallel()
				needFeatures(t, config)
				newCLI(t, map[string]string{"main.tf": whole(config)}).run("validate")
			})
		}
	}
	if found == 0 {
		t.Error("found none")
	}
}

// Each page has keys of its own: on one ticket, the same key would make one message of two,
// or an error.
func TestKeysOfExamplesDiffer(t *testing.T) {
	t.Parallel()
	pages := glob(t, root+"/docs/*/*.md")
	key, pageOf := regexp.MustCompile(`idempotency_key\s+= (".+)`), map[string]string{}
	for _, page := range append(pages, root+"/docs/index.md", root+"/README.md") {
		for _, m := range key.FindAllStringSubmatch(readText(t, page), -1) {
			if other, ok := pageOf[m[1]]; ok && other != page {
				t.Errorf("%s and %s have the key %s", other, page, m[1])
			}
			pageOf[m[1]] = page
		}
	}
	if len(pageOf) < 10 {
		t.Errorf("found only %d keys", len(pageOf))
	}
}
