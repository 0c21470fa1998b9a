import Engine
import Formats
import Glibc
import Kernels

extension Model {
    /// Keeps the linear layers of the blocks as `kind` from now on. That is done once: the result lies in `folder`, and is
    /// mapped from there by every later run. Where the folder cannot be written, it is done in memory each time.
    ///
    /// - Parameters:
    ///   - progress: told how many of the layers are quantised; not called where all lie in the folder.
    ///   - warn: told of a damaged file, which is replaced, and of a folder that cannot be written.
    /// - Throws: `ModelError` where the base is quantised already, or its layers cannot be.
    package func quantize(
        _ kind: Quantization, folder: String = Quantization.folder,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }, warn: (String) -> Void = { _ in }
    ) throws {
        guard kind != .none else { return }
        let layers = configuration.linearWeights
        for (name, shape) in layers { try checkQuantizable(name, shape) }
        let quantizer = Quantizer(kind: kind)
        let file = QuantizedFile(
            path: "\(folder)/\(try quantizationKey(kind)).\(kind.rawValue)", layers: layers, quantizer: quantizer)
        var done = 0
        func encode(_ name: String, _ shape: [Int]) throws -> FrozenTensor {
            let tensor = try quantizer.encode(original(name, shape: shape))
            releaseOriginal(name)
            guard let tensor else {
                throw ModelError(
                    "\(name) holds a number that is not finite or beyond ±65504, which has no place in \(kind.name)",
                    place: path, remedy: "leave --quantize out")
            }
            done += 1
            progress(done, layers.count)
            return tensor
        }
        if access(file.path, F_OK) == 0 {
            do {
                return keep(try file.open(), as: kind)
            } catch {
                warn("\(error); it is made anew")
            }
        }
        do {
            try file.write(encode)
            keep(try file.open(), as: kind)
        } catch let error as FormatError {
            warn("the quantised layers cannot be kept for the next run: \(error)")
            done = 0
            var tensors: [String: FrozenTensor] = [:]
            for (name, shape) in layers { tensors[name] = try encode(name, shape) }
            keep(tensors, as: kind)
        }
    }

    private func checkQuantizable(_ name: String, _ shape: [Int]) throws {
        let number = try original(name, shape: shape).weight.type
        let type = StorageType.allCases.first { $0.ggmlNumber == number } ?? .f32
        guard type.blockElements == 1 else {
            throw ModelError(
                "the base is quantised already (\(name) is stored as \(type.name))", place: path,
                remedy: "leave --quantize out")
        }
        guard shape[1].isMultiple(of: Quantization.group) else {
            throw ModelError(
                "\(name) has rows of \(shape[1]) values, which quantised types cannot have", place: path,
                remedy: "only multiples of \(Quantization.group) can be quantised: leave --quantize out")
        }
    }

    /// Base, kind and layout. The fingerprint samples the tensors; with the files' sizes and times a base that was changed
    /// in one place is another.
    private func quantizationKey(_ kind: Quantization) throws -> String {
        let stamps = files.map { file in
            var status = stat()
            return stat(file, &status) == 0
                ? "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)" : "unknown"
        }
        let text = (["quantized 1", try fingerprint(), kind.rawValue] + stamps).joined(separator: "\n")
        return String(SHA256.of(Array(text.utf8)).prefix(32))
    }
}

extension LlamaConfiguration {
    /// The weights of the blocks' linear layers, in the model's order.
    package var linearWeights: [(name: String, shape: [Int])] {
        (0..<layers).flatMap { layer in
            linears.map { ("model.layers.\(layer).\($0.name).weight", [$0.outputs, $0.inputs]) }
        }
    }
}
