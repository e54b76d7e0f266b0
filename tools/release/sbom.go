package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"runtime/debug"
	"strings"
	"time"
)

// bom is a CycloneDX 1.6 document, as far as it is needed here. It lists what Go
// recorded in the binary: every module whose code is in it, and Go's library.
type bom struct {
	Schema      string         `json:"$schema"`
	BOMFormat   string         `json:"bomFormat"`
	SpecVersion string         `json:"specVersion"`
	Version     int            `json:"version"`
	Metadata    bomMetadata    `json:"metadata"`
	Components  []bomComponent `json:"components"`
}

type bomMetadata struct {
	Timestamp string       `json:"timestamp"`
	Component bomComponent `json:"component"`
}

type bomComponent struct {
	Type     string       `json:"type"`
	Ref      string       `json:"bom-ref"`
	Name     string       `json:"name"`
	Version  string       `json:"version"`
	Hashes   []bomHash    `json:"hashes,omitempty"`
	Licenses []bomLicense `json:"licenses,omitempty"`
	PURL     string       `json:"purl"`
}

type bomHash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type bomLicense struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

// newSBOM describes a binary. The same binary gives the same bytes: there is no
// serial number, and the time is that of the commit.
func (r release) newSBOM(p program, binary []byte) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(binary)
	main := component("application", info.Main.Path, "v"+r.version)
	main.Name = p.name
	main.Hashes = []bomHash{{Alg: "SHA-256", Content: hex.EncodeToString(digest[:])}}
	main.Licenses = make([]bomLicense, 1)
	main.Licenses[0].License.ID = "MPL-2.0"
	document := bom{
		Schema:      "http://cyclonedx.org/schema/bom-1.6.schema.json",
		BOMFormat:   "CycloneDX",
		SpecVersion: "1.6",
		Version:     1,
		Metadata:    bomMetadata{Timestamp: r.time.Format(time.RFC3339), Component: main},
		Components:  components(info),
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(document)
	return out.Bytes(), err
}

func components(info *debug.BuildInfo) []bomComponent {
	list := []bomComponent{component("library", "std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, module := range info.Deps {
		list = append(list, component("library", module.Path, module.Version))
	}
	return list
}

func component(kind, module, version string) bomComponent {
	purl := "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B")
	return bomComponent{Type: kind, Ref: purl, Name: module, Version: version, PURL: purl}
}
