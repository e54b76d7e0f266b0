package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// check reports everything that is wrong with the files of a release.
func (r release) check() error {
	problems := []error{r.checkNames(), r.checkManifest()}
	forRegistries, others := r.listed()
	problems = append(problems, r.checkChecksums(r.checksums(), forRegistries), r.checkChecksums(extras, others))
	for _, on := range r.platforms {
		for _, p := range programs {
			if err := r.checkArchive(p, on); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", r.archive(p, on), err))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	fmt.Printf("%s: the archives of %d platforms, their checksums and their SBOMs are right.\n", dir, len(r.platforms))
	return nil
}

func (r release) checkNames() error {
	forRegistries, others := r.listed()
	want := slices.Concat(forRegistries, others, []string{r.checksums(), extras})
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var have []string
	for _, entry := range entries {
		have = append(have, entry.Name())
	}
	return sameSet("file", have, want)
}

// checkManifest checks the protocol. Without a manifest the registries assume
// protocol 5.
func (r release) checkManifest() error {
	content, err := os.ReadFile(filepath.Join(dir, r.manifest()))
	if err != nil {
		return err
	}
	var manifest struct {
		Version  int `json:"version"`
		Metadata struct {
			Protocols []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return fmt.Errorf("%s: %w", r.manifest(), err)
	}
	if manifest.Version != 1 || !slices.Equal(manifest.Metadata.Protocols, []string{"6.0"}) {
		return fmt.Errorf("%s: it does not say version 1 and protocol 6.0", r.manifest())
	}
	return nil
}

func (r release) checkChecksums(name string, want []string) error {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	var listed []string
	for line := range strings.Lines(string(content)) {
		digest, file, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok {
			return fmt.Errorf("%s: %q is no line of a list of checksums", name, line)
		}
		listed = append(listed, file)
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if have := fmt.Sprintf("%x", sha256.Sum256(content)); have != digest {
			return fmt.Errorf("%s: %s has the SHA-256 %s, and the list says %s", name, file, have, digest)
		}
	}
	if err := sameSet("line for", listed, want); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r release) checkArchive(p program, on platform) error {
	archive, err := zip.OpenReader(filepath.Join(dir, r.archive(p, on)))
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	var names []string
	var binary []byte
	for _, file := range archive.File {
		names = append(names, file.Name)
		if !file.Modified.Equal(r.time) {
			return fmt.Errorf("%s has the time %s, and the commit %s", file.Name, file.Modified, r.time)
		}
		if file.Name != r.binary(p, on) {
			continue
		}
		if file.Mode() != 0o755 {
			return fmt.Errorf("%s has the mode %s", file.Name, file.Mode())
		}
		if binary, err = readEntry(file); err != nil {
			return err
		}
	}
	if err := sameSet("entry", names, []string{"LICENSE", r.binary(p, on)}); err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return err
	}
	if err := checkBinary(on, info); err != nil {
		return err
	}
	return r.checkSBOM(r.sbom(p, on), binary, info)
}

func readEntry(file *zip.File) ([]byte, error) {
	content, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	return io.ReadAll(content)
}

func checkBinary(on platform, info *debug.BuildInfo) error {
	// The version includes the experiments that were on.
	if info.GoVersion != runtime.Version() {
		return fmt.Errorf("it was built by %s", info.GoVersion)
	}
	for _, module := range info.Deps {
		if module.Replace != nil {
			return fmt.Errorf("%s is replaced, and the SBOM does not say by what", module.Path)
		}
	}
	want := map[string]string{"GOOS": on.os, "GOARCH": on.arch, "CGO_ENABLED": "0", "-trimpath": "true"}
	for _, setting := range info.Settings {
		if value, ok := want[setting.Key]; ok && value == setting.Value {
			delete(want, setting.Key)
		}
		if strings.HasPrefix(setting.Key, "vcs") {
			return fmt.Errorf("it records %s, which a build without the repository cannot", setting.Key)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("it was not built with %v", want)
	}
	return nil
}

func (r release) checkSBOM(name string, binary []byte, info *debug.BuildInfo) error {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	var document bom
	if err := json.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	digest := sha256.Sum256(binary)
	hashes := document.Metadata.Component.Hashes
	if len(hashes) != 1 || hashes[0].Content != hex.EncodeToString(digest[:]) {
		return fmt.Errorf("%s is about another binary", name)
	}
	var have []string
	for _, c := range document.Components {
		have = append(have, c.Name+" "+c.Version)
	}
	want := []string{"std " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, module := range info.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	if err := sameSet("component", have, want); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func sameSet(what string, have, want []string) error {
	var problems []error
	for _, name := range want {
		if !slices.Contains(have, name) {
			problems = append(problems, fmt.Errorf("missing %s %s", what, name))
		}
	}
	for _, name := range have {
		if !slices.Contains(want, name) {
			problems = append(problems, fmt.Errorf("unexpected %s %s", what, name))
		}
	}
	if len(have) != len(want) && problems == nil {
		problems = append(problems, fmt.Errorf("a repeated %s", what))
	}
	return errors.Join(problems...)
}
