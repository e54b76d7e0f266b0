package delivery

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// No page documents how the service shows a text. It may trim, escape, wrap or cut it. This file has the one form in
// which texts are compared, and the wrappers of rich text.

// maxEscapeLevels is how often a text may be escaped on top of itself.
const maxEscapeLevels = 16

// oneForm returns the form by which two texts count as the same. Character references are resolved until none is left.
// Full-width characters and typographic quotes, dashes and ellipses are in ASCII. Invisible characters are dropped.
// Runs of white space and control characters are one space.
func oneForm(s string) string { return collapse(resolve(s)) }

func collapse(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// withLines is oneForm, except that white space with a line break is one line break.
func withLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(resolve(s), "\r", "\n"), "\n")
	for i, line := range lines {
		lines[i] = collapse(line)
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
}

func resolve(s string) string {
	for range maxEscapeLevels {
		next := strings.Map(fold, strings.ReplaceAll(html.UnescapeString(s), "…", "..."))
		if next == s {
			break
		}
		s = next
	}
	return s
}

// fold writes typography in ASCII and drops invisible characters.
func fold(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case r >= '！' && r <= '～': // the full-width forms of ASCII
		return r - '！' + '!'
	case r == '【':
		return '['
	case r == '】':
		return ']'
	case strings.ContainsRune("“”„‟", r):
		return '"'
	case strings.ContainsRune("‘’‚‛", r):
		return '\''
	case unicode.Is(unicode.Pd, r): // dashes
		return '-'
	case r >= 0xE0020 && r <= 0xE007F, unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return r // these tell flags apart, or are visible
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return -1 // such as a zero-width space
	}
	return r
}

// withoutLineBreaks drops the line breaks of a text, as some services do. Within what would become a number it keeps
// them: 1 and 2 are not 12.
func withoutLineBreaks(s string) string {
	var out strings.Builder
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		last, _ := utf8.DecodeLastRuneInString(out.String())
		if first, _ := utf8.DecodeRuneInString(line); isOfNumber(last) && isOfNumber(first) {
			out.WriteByte('\n')
		}
		out.WriteString(line)
	}
	return out.String()
}

func isOfNumber(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune(".,+-", r) }

// lazily compiles a pattern when it is first used: most runs of a provider deliver nothing.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// The wrappers of rich text: what a service puts around a text that has none.
var (
	anyWrapper   = lazily(`(?i)^\s*<(?:p|div|span|pre)(?:\s[^<>]*)?/?>|<br(?:\s[^<>]*)?/?>`)
	lineWrapper  = lazily(`(?i)<(?:/?(?:p|div|pre)|br)(?:\s[^<>]*)?/?>`)
	otherWrapper = lazily(`(?i)</?span(?:\s[^<>]*)?>`)
	anyTag       = lazily(`</?[\pL!][^<>]*>`)
	ownLink      = lazily(`(?i)<a\s[^<>]*href="([^"<>]*)"[^<>]*>([^<>]*)</a>`)
)

// unwrap returns a shown text, with line breaks, without the wrappers of rich text. It returns "" if the text has none:
// it must begin with one, or have a br. A wrapper that begins a line stands for a line break; a raw one is white space.
func unwrap(shown string) string {
	if !strings.Contains(shown, "<") || !anyWrapper().MatchString(shown) {
		return ""
	}
	shown = strings.NewReplacer("\r", " ", "\n", " ").Replace(shown)
	shown = ownLink().ReplaceAllStringFunc(shown, func(link string) string {
		if part := ownLink().FindStringSubmatch(link); resolve(part[1]) == resolve(part[2]) {
			return part[2]
		}
		return link
	})
	return withLines(otherWrapper().ReplaceAllString(lineWrapper().ReplaceAllString(shown, "\n"), ""))
}

// lettersOf keeps the letters and digits of a text, in lower case, without those of tags.
func lettersOf(form string) string {
	return strings.Map(func(r rune) rune {
		if isLetterOrDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, stripTags(form))
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func stripTags(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	return anyTag().ReplaceAllString(s, "")
}

// firstRunes returns the beginning of a text, at most n characters.
func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
