package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func (r release) build(ctx context.Context) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, on := range r.platforms {
		for _, p := range programs {
			if err := r.buildArchive(ctx, p, on); err != nil {
				return fmt.Errorf("%s for %s: %w", p.name, on, err)
			}
			fmt.Println(r.archive(p, on))
		}
	}
	manifest, err := os.ReadFile("terraform-registry-manifest.json")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, r.manifest()), manifest, 0o644); err != nil {
		return err
	}
	forRegistries, others := r.listed()
	if err := r.writeChecksums(r.checksums(), forRegistries); err != nil {
		return err
	}
	return r.writeChecksums(extras, others)
}

// buildArchive writes the archive of a program and its SBOM.
func (r release) buildArchive(ctx context.Context, p program, on platform) error {
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	path := filepath.Join(work, r.binary(p, on))
	if err := r.compile(ctx, path, p, on); err != nil {
		return err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sbom, err := r.newSBOM(p, binary)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, r.sbom(p, on)), sbom, 0o644); err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	return r.writeZip(r.archive(p, on), r.binary(p, on), binary, licence)
}

// compile runs the command of the guide "Verify a release". Every other setting
// that could change the bytes has its default.
func (r release) compile(ctx context.Context, path string, p program, on platform) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+r.version, "-o", path, p.dir)
	cmd.Env = append(os.Environ(), "GOOS="+on.os, "GOARCH="+on.arch, "GOARM=6", "CGO_ENABLED=0",
		"GO386=sse2", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func (r release) writeZip(name, binaryName string, binary, licence []byte) (err error) {
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	archive := zip.NewWriter(file)
	for _, entry := range []struct {
		name    string
		mode    os.FileMode
		content []byte
	}{
		{"LICENSE", 0o644, licence},
		{binaryName, 0o755, binary},
	} {
		header := &zip.FileHeader{Name: entry.name, Method: zip.Deflate, Modified: r.time}
		header.SetMode(entry.mode)
		w, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := w.Write(entry.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// writeChecksums writes a list in the form of sha256sum, sorted by name.
func (r release) writeChecksums(name string, files []string) error {
	var list strings.Builder
	for _, file := range slices.Sorted(slices.Values(files)) {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(content), file)
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(list.String()), 0o644)
}
