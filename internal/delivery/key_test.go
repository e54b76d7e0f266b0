package delivery

import (
	_ "embed"
	"html"
	"strings"
	"testing"
)

//go:embed testdata/keys.tsv
var keyCases string

// keys.tsv says what a search for a key must say of each text that a list may show.
func TestSearch(t *testing.T) {
	t.Parallel()
	rows := 0
	for line := range strings.Lines(keyCases) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		rows++
		fields := strings.Split(line, "\t")
		if len(fields) != 4 {
			t.Fatalf("%d fields: %q", len(fields), line)
		}
		bracketed, sent, shown, want := unquote(fields[0]), unquote(fields[1]), unquote(fields[2]), fields[3]
		key := strings.Trim(bracketed, "[]")
		own := newOwnText(key, strings.TrimPrefix(sent, bracketed+" "))
		f := listOf(shown).search(own)
		got := "post"
		switch {
		case f.copies > 0:
			got = "adopt"
		case f.conflict >= 0:
			got = "conflict"
		}
		if got != want {
			t.Errorf("%s for\n  %q shown as\n  %q, want %s", got, sent, shown, want)
		}
	}
	t.Logf("%d searches", rows)
}

// A text that is shorter than another one on the ticket was not cut.
func TestShorterTextIsNotCut(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("many words ", 40)
	own := newOwnText("deploy 4711", content)
	shown := firstRunes(Keyed("deploy 4711", content), 255)
	if f := listOf(shown, strings.Repeat("x", 255)).search(own); f.match != cut {
		t.Errorf("the longest text: %+v", f)
	}
	if f := listOf(shown, strings.Repeat("x", 256)).search(own); f.copies != 0 || f.conflict != 0 {
		t.Errorf("not the longest text: %+v", f)
	}
}

// Of several copies, the first that is shown as a whole is adopted.
func TestWholeCopyIsAdopted(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("a & b, ", 60)
	sent := Keyed("deploy 4711", content)
	f := listOf(html.EscapeString(firstRunes(sent, 400)), sent, sent).search(newOwnText("deploy 4711", content))
	if f.copies != 3 || f.first != 1 || f.match != whole {
		t.Errorf("%+v", f)
	}
}

// A text without visible characters is the beginning of every text, but it is not every text.
func TestInvisibleTextIsNotShown(t *testing.T) {
	t.Parallel()
	if Shows("Hello", "", "\u200b") {
		t.Error("an invisible text was taken for another one")
	}
}

// unquote resolves \n and \t, and leaves other backslashes alone.
func unquote(s string) string { return strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s) }

// listOf is a list that shows these texts.
func listOf(shown ...string) *listing { return newListing(1, listWith(shown...), nil) }
