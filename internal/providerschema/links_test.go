package main

import (
	"cmp"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A registry serves the pages of docs/ under URLs of its own, and a browser
// resolves a relative link against the URL of its page. The kinds are those that
// the registry shows, each with its place in the URL.
type registry struct {
	name, index, docs string
	kinds             map[string]string
	// Headings keep their anchors in both registries. OpenTofu's puts a prefix
	// before the anchors that are written as HTML, and before the fragment of
	// every link without a slash, so that "#nestedatt--timeouts" works and a
	// link to a heading needs a slash: "./page#heading".
	anchorPrefix string
}

var registries = []registry{{
	name:  "Terraform",
	index: "https://registry.terraform.io/providers/seed-9e648b51/servicerequest/latest/docs",
	docs:  "https://registry.terraform.io/providers/seed-9e648b51/servicerequest/latest/docs/",
	kinds: map[string]string{
		"guides": "guides", "resources": "resources", "data-sources": "data-sources",
		"actions": "actions", "list-resources": "list-resources",
	},
}, {
	name:  "OpenTofu",
	index: "https://search.opentofu.org/provider/seed-9e648b51/servicerequest/latest",
	docs:  "https://search.opentofu.org/provider/seed-9e648b51/servicerequest/latest/docs/",
	kinds: map[string]string{
		"guides": "guides", "resources": "resources", "data-sources": "datasources",
	},
	anchorPrefix: "user-content-",
}}

// url returns the address of a page, such as "guides/errors", or "" if the
// registry does not show it.
func (r registry) url(page string) string {
	if page == "index" {
		return r.index
	}
	kind, name := path.Split(page)
	place, ok := r.kinds[strings.TrimSuffix(kind, "/")]
	if !ok {
		return ""
	}
	return r.docs + place + "/" + name
}

// resolve returns where a link leads: the address without its fragment, and the
// anchor that the browser looks for.
func (r registry) resolve(base, link string) (string, string, error) {
	from, err := url.Parse(base)
	if err != nil {
		return "", "", err
	}
	to, err := from.Parse(link)
	if err != nil {
		return "", "", err
	}
	anchor := to.Fragment
	if anchor != "" && !strings.Contains(link, "/") {
		anchor = r.anchorPrefix + anchor
	}
	to.Fragment = ""
	// OpenTofu's registry reads an address without a version as the latest.
	address := strings.Replace(to.String(), "/seed-9e648b51/servicerequest/docs/", "/seed-9e648b51/servicerequest/latest/docs/", 1)
	return address, anchor, nil
}

type page struct {
	links, headings, htmlAnchors []string
}

func (p page) has(r registry, anchor string) bool {
	if anchor == "" {
		return true
	}
	for _, heading := range p.headings {
		if anchor == heading {
			return true
		}
	}
	for _, html := range p.htmlAnchors {
		if anchor == r.anchorPrefix+html {
			return true
		}
	}
	return false
}

var (
	codeBlock  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	htmlAnchor = regexp.MustCompile(`<a id="([^"]+)"`)
	notInSlug  = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func parsePage(text string) page {
	var p page
	text = codeBlock.ReplaceAllString(text, "")
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		p.headings = append(p.headings, strings.ReplaceAll(slug, " ", "-"))
	}
	for _, m := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		p.htmlAnchors = append(p.htmlAnchors, m[1])
	}
	text = inlineCode.ReplaceAllString(text, "")
	for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
		p.links = append(p.links, m[1])
	}
	return p
}

func readPages(t *testing.T) map[string]page {
	t.Helper()
	docs := os.DirFS("../../docs")
	pages := map[string]page{}
	err := fs.WalkDir(docs, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".md" {
			return err
		}
		text, err := fs.ReadFile(docs, name)
		pages[strings.TrimSuffix(name, ".md")] = parsePage(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// Every link of docs/ works on the pages of both registries. A link to a page
// that only Terraform's registry shows has to be absolute.
func TestLinksWorkInTheRegistries(t *testing.T) {
	pages := readPages(t)
	checked := 0
	for _, r := range registries {
		addresses := map[string]page{}
		for name, p := range pages {
			addresses[r.url(name)] = p
		}
		for name, p := range pages {
			if r.url(name) == "" {
				continue
			}
			for _, link := range p.links {
				if leavesTheProvider(link) {
					continue
				}
				if problem := r.check(addresses, r.url(name), link); problem != "" {
					t.Errorf("docs/%s.md: (%s) does not work in the %s registry: %s", name, link, r.name, problem)
				}
				checked++
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were checked: does this test still find them?", checked)
	}
}

// An absolute link may lead to Terraform's registry from a page of either, and
// is checked on the pages of Terraform's.
func leavesTheProvider(link string) bool {
	return strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, registries[0].index)
}

func (r registry) check(addresses map[string]page, base, link string) string {
	if strings.HasPrefix(link, registries[0].index) && r.name != registries[0].name {
		return ""
	}
	address, anchor, err := r.resolve(base, link)
	if err != nil {
		return err.Error()
	}
	target, ok := addresses[address]
	if !ok {
		return cmp.Or(mdHint(link), "no page has the address "+address)
	}
	if !target.has(r, anchor) {
		return "the page has no anchor #" + anchor
	}
	return ""
}

func mdHint(link string) string {
	if name, _, _ := strings.Cut(link, "#"); strings.HasSuffix(name, ".md") {
		return "the addresses of pages have no .md"
	}
	return ""
}

// The other Markdown files are read on GitHub, where a link is a path.
func TestLinksWorkOnGitHub(t *testing.T) {
	for _, pattern := range []string{"../../*.md", "../../.github/*.md", "../../examples/*.md", "../../examples/modules/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := parsePage(string(text))
			for _, link := range p.links {
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
					continue
				}
				if anchor == "" {
					continue
				}
				text, err := os.ReadFile(target)
				if err != nil {
					t.Fatal(err)
				}
				if !parsePage(string(text)).has(registry{}, anchor) {
					t.Errorf("%s: (%s): no anchor #%s", file, link, anchor)
				}
			}
		}
	}
}
