package docs

import (
	"regexp"
	"strings"
	"testing"
)

// CONTRIBUTING.md explains every direct dependency.
func TestDependenciesAreExplained(t *testing.T) {
	contributing := read(t, "../../CONTRIBUTING.md")
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(read(t, "../../go.mod"), -1)
	if len(direct) == 0 {
		t.Fatal("no direct dependency found in go.mod: does this test still read it?")
	}
	for _, m := range direct {
		name := strings.TrimPrefix(m[1], "github.com/hashicorp/")
		if !strings.Contains(contributing, "| `"+name+"` |") {
			t.Errorf("CONTRIBUTING.md does not explain %s", name)
		}
	}
}
