package provider

import (
	"io/fs"
	"os"
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
var elsewhere = []string{"guides/gitops", "guides/long-texts", "guides/pipelines", "guides/runbook", "guides/sites", "guides/test-your-configuration", "modules"}

// Each folder with a configuration under examples/, and each file in it that stands
// alone, is applied, and planned again without a change.
func TestExamples(t *testing.T) {
	t.Parallel()
	var folders []string
	err := filepath.WalkDir(root+"/examples", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains(elsewhere, filepath.ToSlash(strings.TrimPrefix(name, root+"/examples/"))) {
			return fs.SkipDir
		}
		if err == nil && !entry.IsDir() && filepath.Base(name) != "README.md" && !slices.Contains(folders, filepath.Dir(name)) {
			folders = append(folders, filepath.Dir(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		files := map[string]string{} // of the folder's own configuration
		err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(filepath.Join(folder, name))
			files[name] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		alone := map[string]string{}
		for name, text := range files {
			if strings.HasPrefix(name, "import") || strings.HasSuffix(name, ".tfquery.hcl") {
				alone[name] = text
				delete(files, name)
			}
		}
		title := filepath.ToSlash(strings.TrimPrefix(folder, root+"/examples/"))
		configured := false
		for name := range files {
			configured = configured || strings.HasSuffix(name, ".tf")
		}
		switch {
		case configured:
			t.Run(title, func(t *testing.T) { t.Parallel(); runExample(t, files) })
		case len(alone) == 0:
			// A part of a folder that is run: files that an example reads.
			if parent := filepath.Dir(folder); !slices.Contains(folders, parent) {
				t.Errorf("%s has nothing to run", title)
			}
		}
		for name, text := range alone {
			t.Run(title+"/"+name, func(t *testing.T) {
				t.Parallel()
				switch filepath.Ext(name) {
				case ".tf":
					runExample(t, map[string]string{name: text})
				case ".sh":
					runImport(t, files, text)
				case ".hcl":
					runQuery(t, text)
				default:
					t.Errorf("nobody runs it")
				}
			})
		}
	}
}

func runExample(t *testing.T, files map[string]string) {
	t.Helper()
	var all strings.Builder
	for name, text := range files {
		if filepath.Ext(name) == ".tf" {
			all.WriteString(text)
		}
	}
	needFeatures(t, all.String())
	f := newExampleFixture(t)
	c := newCLI(t, nil, "SERVICEREQUEST_ENDPOINT="+f.URL(), "SERVICEREQUEST_TOKEN="+testToken, "TF_VAR_release=1.4.0")
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			text = whole(text)
		}
		c.write(name, text)
	}
	c.run("apply", "-auto-approve")
	if len(f.Requests()) == 0 {
		t.Error("it makes no request")
	}
	submits := f.Count(simulator.OpSubmit)
	if strings.Contains(all.String(), "\nimport {") && submits != 0 {
		t.Error("an import submits")
	}
	c.run("plan", "-detailed-exitcode")
	f.wantSubmits(t, submits)
}

// runImport runs the command of an import.sh beside the folder's configuration.
func runImport(t *testing.T, files map[string]string, script string) {
	t.Helper()
	command := regexp.MustCompile(`(?m)^terraform (import (\S+) \S+)$`).FindStringSubmatch(script)
	if command == nil {
		t.Fatalf("no terraform import in:\n%s", script)
	}
	f := newExampleFixture(t)
	c := newCLI(t, files, "SERVICEREQUEST_ENDPOINT="+f.URL(), "SERVICEREQUEST_TOKEN="+testToken)
	c.run(strings.Fields(command[1])...)
	if got := strings.TrimSpace(c.run("state", "list").stdout); got != command[2] {
		t.Errorf("in the state: %q", got)
	}
	if f.Count(simulator.OpSubmit) != 0 {
		t.Error("it submits")
	}
}

func runQuery(t *testing.T, text string) {
	t.Helper()
	needCLI(t, 14, never, "terraform query")
	f := newExampleFixture(t)
	c := newCLI(t, map[string]string{"main.tf": requiredProvider, "list.tfquery.hcl": text},
		"SERVICEREQUEST_ENDPOINT="+f.URL(), "SERVICEREQUEST_TOKEN="+testToken)
	wantAll(t, c.run("query").output(), testCase)
}

// Every configuration that a guide or the README has in its text is valid.
func TestConfigurationsInTexts(t *testing.T) {
	t.Parallel()
	texts, err := filepath.Glob(root + "/templates/*/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^( *)```(?:terraform|hcl)\n(.*?)^ *```")
	found := 0
	for _, name := range append(texts, root+"/templates/index.md.tmpl", root+"/README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks.FindAllStringSubmatch(string(text), -1) {
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
