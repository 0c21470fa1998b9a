import Formats
import Foundation
import Testing

/// What a run left in its output folder.
struct AdapterFolder {
    let path: String

    init(_ path: String) { self.path = path }

    /// Every file by its name, as bytes; in JSON files the members that tell time and memory are left out.
    func content() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
            guard !isFolder.boolValue else { continue }
            let data = try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
            files[name] =
                name.hasSuffix("metrics.jsonl") || name.hasSuffix("latest.json")
                ? AdapterFolder.withoutTimes(data) : data
        }
        return files
    }

    /// The seconds, tokens a second and megabytes of reports.
    private static func withoutTimes(_ data: Data) -> Data {
        let text = String(decoding: data, as: UTF8.self)
        return Data(
            text.replacing(/"(tokens_per_second|peak_rss_mb|seconds_to_first_step)": [0-9.e+-]+/, with: "").utf8)
    }

    func metrics() throws -> [JSON] {
        try String(contentsOfFile: "\(path)/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSON.parse($0.utf8, place: "metrics.jsonl")
        }
    }

    func tensors() throws -> [String: [Float]] { try Self.tensors("\(path)/adapter_model.safetensors") }

    /// The F32 tensors of a safetensors file.
    static func tensors(_ file: String) throws -> [String: [Float]] {
        let tensors = try Safetensors(file: file).tensors
        return Dictionary(
            uniqueKeysWithValues: tensors.map { tensor in
                (tensor.name, tensor.withBytes { Array($0.bindMemory(to: Float.self)) })
            })
    }

    func configuration() throws -> JSON { try json("adapter_config.json") }

    func sidecar() throws -> JSON { try json("peft_host.json") }

    private func json(_ name: String) throws -> JSON {
        try JSON.parse(Data(contentsOf: URL(filePath: "\(path)/\(name)")), place: name)
    }
}

/// That two folders hold the same files with the same bytes.
func expectSame(_ a: String, _ b: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let (a, b) = (try AdapterFolder(a).content(), try AdapterFolder(b).content())
    #expect(a.keys.sorted() == b.keys.sorted(), sourceLocation: sourceLocation)
    for (name, data) in a { #expect(b[name] == data, "\(name)", sourceLocation: sourceLocation) }
}
