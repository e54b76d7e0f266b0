// Package docs checks what the documentation says about itself.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// registry is the address of the pages of docs/, once they are published.
//
// A relative link has another meaning in each place that shows a page: the two
// registries leave out the extension .md, name the folders differently, and give the
// first page an address without a last slash, while GitHub needs the name of the file.
// Only an absolute address works in all of them.
const registry = "https://registry.terraform.io/providers/seed-9e648b51/servicerequest/latest/docs"

var (
	codeBlock  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	htmlAnchor = regexp.MustCompile(`<a id="([^"]+)"`)
	notInSlug  = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return codeBlock.ReplaceAllString(string(text), "")
}

func hasAnchor(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if anchor == strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") {
			return true
		}
	}
	for _, m := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		if anchor == m[1] {
			return true
		}
	}
	return false
}

func links(text string) []string {
	var targets []string
	for _, m := range linkTarget.FindAllStringSubmatch(inlineCode.ReplaceAllString(text, ""), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// checkLink fails unless the file that a link leads to exists and has the anchor.
func checkLink(t *testing.T, file, link, target string) {
	t.Helper()
	_, anchor, _ := strings.Cut(link, "#")
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s: (%s): %v", file, link, err)
	} else if anchor != "" && !hasAnchor(read(t, target), anchor) {
		t.Errorf("%s: (%s): no anchor #%s", file, link, anchor)
	}
}

// The links of docs/ work in both registries and on GitHub, and lead to what exists.
func TestLinksWorkInTheRegistries(t *testing.T) {
	files, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range append(files, "../../docs/index.md") {
		for _, link := range links(read(t, file)) {
			address, _, _ := strings.Cut(link, "#")
			page, ours := strings.CutPrefix(address, registry)
			switch {
			case ours && page == "":
				checkLink(t, file, link, "../../docs/index.md")
			case ours:
				checkLink(t, file, link, "../../docs"+page+".md")
			case strings.HasPrefix(link, "#nestedatt--"): // from tfplugindocs; OpenTofu's registry renames every other anchor
				checkLink(t, file, link, file)
			case !strings.HasPrefix(link, "https://"):
				t.Errorf("%s: (%s): write %s/...", file, link, registry)
			}
			checked++
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were checked: does this test still find them?", checked)
	}
}

// The other Markdown files are read on GitHub, where a link is a path. They link to the
// files of docs/, which exist before a version is published.
func TestLinksWorkOnGitHub(t *testing.T) {
	for _, pattern := range []string{"../../*.md", "../../.github/*.md", "../../examples/*.md", "../../examples/modules/*/*.md", "../../internal/bench/results/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, link := range links(read(t, file)) {
				name, _, _ := strings.Cut(link, "#")
				switch {
				case strings.HasPrefix(link, registry):
					t.Errorf("%s: (%s): link to the file", file, link)
				case name == "":
					checkLink(t, file, link, file)
				case !strings.HasPrefix(link, "https://"):
					checkLink(t, file, link, filepath.Join(filepath.Dir(file), name))
				}
			}
		}
	}
}
