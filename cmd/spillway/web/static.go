package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"time"

	"spillway/cmd/spillway/web/access"
)

//go:embed static
var staticFiles embed.FS

// asset is a file that pages use. Its address holds a sum of it, so that browsers may keep it for good.
type asset struct {
	name    string
	content []byte
	sum     string
}

var assets = loadAssets("style.css", "page.js", "htmx.min.js", "icon.svg")

func loadAssets(names ...string) map[string]asset {
	found := map[string]asset{}
	for _, name := range names {
		content, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic(err) // it is part of the program
		}
		sum := sha256.Sum256(content)
		found[name] = asset{name: name, content: content, sum: hex.EncodeToString(sum[:6])}
	}
	return found
}

func assetPath(name string) template.URL {
	a := assets[name]
	return template.URL(path.Join("/static", a.sum, a.name)) //nolint:gosec // made of names and sums of our own
}

func (s *server) staticRoutes() []route {
	return []route{{method: http.MethodGet, pattern: "/static/{sum}/{name}", scope: access.Public, page: true, handle: serveAsset}}
}

func serveAsset(w http.ResponseWriter, r *http.Request) error {
	a, ok := assets[r.PathValue("name")]
	if !ok || a.sum != r.PathValue("sum") {
		return &problem{Status: http.StatusNotFound, Code: "not_found", Detail: "there is nothing at this address"}
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.content))
	return nil
}
