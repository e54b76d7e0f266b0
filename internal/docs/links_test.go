// Package docs checks what the documentation says about itself.
package docs

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A registry serves the pages of docs/ under URLs of its own, and a browser resolves a
// relative link against the URL of its page.
type registry struct {
	index string
	docs  string
	kinds map[string]string // those that it shows, each with its place in the URL
	// Headings keep their anchors in both registries. OpenTofu's puts a prefix
	// before the anchors that are written as HTML, and before the fragment of
	// every link without a slash, so that "#nestedatt--timeouts" works and a
	// link to a heading needs a slash: "./page#heading".
	anchorPrefix string
}

const terraform = "https://registry.terraform.io/providers/seed-9e648b51/servicerequest/latest/docs"

var registries = []registry{{
	index: terraform,
	docs:  terraform + "/",
	kinds: map[string]string{
		"guides/": "guides/", "resources/": "resources/", "data-sources/": "data-sources/", "actions/": "actions/", "list-resources/": "list-resources/",
	},
}, {
	index:        "https://search.opentofu.org/provider/seed-9e648b51/servicerequest/latest",
	docs:         "https://search.opentofu.org/provider/seed-9e648b51/servicerequest/latest/docs/",
	kinds:        map[string]string{"guides/": "guides/", "resources/": "resources/", "data-sources/": "datasources/"},
	anchorPrefix: "user-content-",
}}

// url returns the address of a page, such as "guides/errors", or "" if the registry
// does not show it.
func (r registry) url(page string) string {
	kind, name := path.Split(page)
	switch {
	case page == "index":
		return r.index
	case r.kinds[kind] == "":
		return ""
	}
	return r.docs + r.kinds[kind] + name
}

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

func links(text string) []string {
	var targets []string
	for _, m := range linkTarget.FindAllStringSubmatch(inlineCode.ReplaceAllString(text, ""), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// hasAnchor reports whether a page has an anchor; prefix is put before those in HTML.
func hasAnchor(text, prefix, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if anchor == strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") {
			return true
		}
	}
	for _, m := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		if anchor == prefix+m[1] {
			return true
		}
	}
	return anchor == ""
}

// Every link of docs/ works on the pages of both registries. A link to a page that only
// Terraform's registry shows has to be absolute.
func TestLinksWorkInTheRegistries(t *testing.T) {
	files, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range registries {
		pages := map[string]string{} // texts by address
		for _, file := range append(files, "../../docs/index.md") {
			name := strings.TrimPrefix(strings.TrimSuffix(filepath.ToSlash(file), ".md"), "../../docs/")
			if address := r.url(name); address != "" {
				pages[address] = read(t, file)
			}
		}
		for address, text := range pages {
			base, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range links(text) {
				// An absolute link is checked on the pages of the registry that it leads to.
				if strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, r.index) {
					continue
				}
				to, err := base.Parse(link)
				if err != nil {
					t.Fatal(err)
				}
				anchor := to.Fragment
				if anchor != "" && !strings.Contains(link, "/") {
					anchor = r.anchorPrefix + anchor
				}
				to.Fragment = ""
				// OpenTofu's registry reads an address without a version as the latest.
				target, ok := pages[strings.Replace(to.String(), "/seed-9e648b51/servicerequest/docs/", "/seed-9e648b51/servicerequest/latest/docs/", 1)]
				if !ok {
					t.Errorf("%s: (%s): no page has this address", address, link)
				} else if !hasAnchor(target, r.anchorPrefix, anchor) {
					t.Errorf("%s: (%s): the page has no anchor #%s", address, link, anchor)
				}
				checked++
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were checked: does this test still find them?", checked)
	}
}

// The other Markdown files are read on GitHub, where a link is a path.
func TestLinksWorkOnGitHub(t *testing.T) {
	for _, pattern := range []string{"../../*.md", "../../.github/*.md", "../../examples/*.md", "../../examples/modules/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, link := range links(read(t, file)) {
				if strings.HasPrefix(link, "https://") {
					continue
				}
				name, anchor, _ := strings.Cut(link, "#")
				target := filepath.Join(filepath.Dir(file), name)
				if name == "" {
					target = file
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s: (%s): %v", file, link, err)
				} else if anchor != "" && !hasAnchor(read(t, target), "", anchor) {
					t.Errorf("%s: (%s): no anchor #%s", file, link, anchor)
				}
			}
		}
	}
}
