//go:build unix

package main

import (
	"fmt"
	"html"
	"strings"
)

// theme is the colours of a chart. The bars have the order of the subjects.
type theme struct {
	text, muted, line string
	bars              [4]string
}

var (
	light = theme{text: "#1f2328", muted: "#59636e", line: "#d1d9e0", bars: [4]string{"#afb8c1", "#54aeff", "#0969da", "#bc4c00"}}
	dark  = theme{text: "#f0f6fc", muted: "#9198a1", line: "#3d444d", bars: [4]string{"#656c76", "#a5d6ff", "#4493f8", "#db6d28"}}
)

// picture shows the chart in the report.
const picture = `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="chart-dark.svg">
  <img alt="Time of terraform apply with this provider and with curl, as multiples of terraform_data" src="chart-light.svg">
</picture>`

// chart draws the times of the applies as multiples of terraform_data: one group of bars
// for each scenario. An apply of one message is Terraform's own start, and left out.
func (r *results) chart(t theme) string {
	const (
		width, left, right = 760, 180, 110
		bar, gap, group    = 11, 2, 14
	)
	var drawn []scenario
	top := 1.0
	for _, sc := range r.scenarios {
		if sc.messages == 1 {
			continue
		}
		drawn = append(drawn, sc)
		for _, s := range r.subjects {
			_, ratio := r.time(sc, apply, s.name)
			top = max(top, ratio)
		}
	}

	var b strings.Builder
	text := func(x float64, y int, anchor, fill string, size int, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s" fill="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, fill, size, html.EscapeString(s))
	}
	text(0, 16, "start", t.text, 14, "terraform apply: time as a multiple of terraform_data (shorter is faster)")
	x := 0.0
	for i, s := range r.subjects {
		fmt.Fprintf(&b, `<rect x="%.1f" y="26" width="11" height="11" fill="%s"/>`+"\n", x, t.bars[i])
		text(x+16, 36, "start", t.muted, 12, s.name)
		x += 40 + 7*float64(len(s.name))
	}
	y := 46
	for _, sc := range drawn {
		y += group
		text(left-10, y+len(r.subjects)*(bar+gap)/2+3, "end", t.text, 12, sc.String())
		for i, s := range r.subjects {
			seconds, ratio := r.time(sc, apply, s.name)
			length := ratio / top * (width - left - right)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y, length, bar, t.bars[i])
			text(left+length+6, y+bar-2, "start", t.muted, 11, fmt.Sprintf("%.1f× (%.2f s)", ratio, seconds))
			y += bar + gap
		}
	}
	height := y + group
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" role="img" aria-label="Bar chart: time of terraform apply with this provider and with curl, as multiples of terraform_data">
<line x1="%d" y1="46" x2="%d" y2="%d" stroke="%s"/>
%s</svg>
`, width, height, width, height, left, left, height, t.line, b.String())
}
