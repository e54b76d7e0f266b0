// Release builds and checks the files of a release. It builds the same bytes from
// the same commit on every machine. It needs only the standard library and the go
// command, so no third-party tool builds what is signed.
//
//	release build -version 0.1.0      build the files, into dist/
//	release check -version 0.1.0      check them
//
// It runs in the repository's root and needs the Go version of .go-version.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// dir is the directory of the release's files.
const dir = "dist"

// release describes one release.
type release struct {
	version   string
	platforms []platform
	time      time.Time // of the commit; every file in an archive has it
}

type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

var platforms = []platform{
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"freebsd", "386"},
	{"freebsd", "amd64"},
	{"freebsd", "arm"},
	{"freebsd", "arm64"},
	{"linux", "386"},
	{"linux", "amd64"},
	{"linux", "arm"},
	{"linux", "arm64"},
	{"windows", "386"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// A program is published in an archive for each platform.
type program struct {
	name, dir string
	// The registries want the version in the name of the provider's binary.
	versioned bool
}

var (
	provider  = program{name: "terraform-provider-servicerequest", dir: ".", versioned: true}
	ticketsim = program{name: "ticketsim", dir: "./internal/simulator/cmd/ticketsim"}
	programs  = []program{provider, ticketsim}
)

func (r release) binary(p program, on platform) string {
	name := p.name
	if p.versioned {
		name += "_v" + r.version
	}
	if on.os == "windows" {
		name += ".exe"
	}
	return name
}

func (r release) archive(p program, on platform) string {
	return p.name + "_" + r.version + "_" + on.String() + ".zip"
}

func (r release) sbom(p program, on platform) string {
	return strings.TrimSuffix(r.archive(p, on), ".zip") + ".cdx.json"
}

func (r release) manifest() string  { return provider.name + "_" + r.version + "_manifest.json" }
func (r release) checksums() string { return provider.name + "_" + r.version + "_SHA256SUMS" }

// extras is the list of checksums of all files that the registries do not read.
// Terraform's registry refuses a release whose SHA256SUMS names any file but the
// provider's archives and the manifest.
const extras = "extras_checksums.txt"

// listed returns the files of both lists of checksums.
func (r release) listed() (forRegistries, others []string) {
	for _, on := range r.platforms {
		forRegistries = append(forRegistries, r.archive(provider, on))
		others = append(others, r.archive(ticketsim, on))
		for _, p := range programs {
			others = append(others, r.sbom(p, on))
		}
	}
	return append(forRegistries, r.manifest()), others
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] != "build" && args[0] != "check" {
		return errors.New("usage: release build|check -version VERSION [-platforms OS_ARCH,...]")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", "", "`version` without a leading v")
	only := flags.String("platforms", "", "`OS_ARCH,...` to build or check, instead of all")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	r := release{version: *version, platforms: platforms}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(r.version) {
		return fmt.Errorf("%q is no version such as 0.1.0", r.version)
	}
	if *only != "" {
		r.platforms = nil
		for name := range strings.SplitSeq(*only, ",") {
			os, arch, _ := strings.Cut(name, "_")
			r.platforms = append(r.platforms, platform{os, arch})
		}
	}
	if err := checkGo(ctx); err != nil {
		return err
	}
	var err error
	if r.time, err = commitTime(ctx); err != nil {
		return err
	}
	if args[0] == "check" {
		return r.check()
	}
	return r.build(ctx)
}

// checkGo refuses a Go version other than that of .go-version: the bytes depend on
// its compiler and its compression.
func checkGo(ctx context.Context) error {
	want, err := os.ReadFile(".go-version")
	if err != nil {
		return err
	}
	command, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return err
	}
	for _, have := range []string{runtime.Version(), strings.TrimSpace(string(command))} {
		if have != "go"+strings.TrimSpace(string(want)) {
			return fmt.Errorf("this is %s, and a release needs Go %s: set GOTOOLCHAIN=go%[2]s", have, strings.TrimSpace(string(want)))
		}
	}
	return nil
}

// commitTime is SOURCE_DATE_EPOCH, or the time of the commit.
func commitTime(ctx context.Context) (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("git log: %w", err)
		}
		seconds = strings.TrimSpace(string(out))
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}
