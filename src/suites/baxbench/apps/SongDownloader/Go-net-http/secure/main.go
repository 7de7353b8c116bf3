package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
)

func download(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		Filename string `json:"filename"`
	}
	if json.NewDecoder(request.Body).Decode(&asked) != nil {
		http.Error(writer, "invalid", http.StatusBadRequest)
		return
	}
	song, err := os.ReadFile(filepath.Join("/var/songs", asked.Filename))
	if filepath.Base(asked.Filename) != asked.Filename || err != nil {
		http.Error(writer, "no such song", http.StatusNotFound)
		return
	}
	writer.Header().Set("Content-Type", "audio/mpeg")
	writer.Write(song)
}

func main() {
	http.HandleFunc("/download", download)
	http.ListenAndServe("0.0.0.0:5000", nil)
}
