import Formats

/// A folder that another program wrote. PEFT reads some that cannot mean what they say, with a default in the place of what
/// is missing, or with an adapter that does nothing; here these are errors.
struct ForeignFolder {
    private let configuration: JSON
    private let tensors: TensorTable
    /// The configuration's.
    private let place: String

    init(_ configuration: JSON, _ tensors: TensorTable, _ place: String) {
        (self.configuration, self.tensors, self.place) = (configuration, tensors, place)
    }

    func check() throws(AdapterError) {
        guard configuration["peft_type"]?.string != nil else {
            throw AdapterError("it has no \"peft_type\"", place: place, remedy: "name the method, such as \"LORA\"")
        }
        if let bare = tensors.first(where: { $0.name.hasPrefix("model.") }) {
            throw AdapterError(
                "the tensor \(bare.name) has no base_model.model. in front, without which PEFT does not use it",
                place: tensors.place, remedy: "write the adapter with PEFT's save_pretrained")
        }
        let infixes = [".lora_A", ".ia3_l", ".vera_lambda", ".hada_w", ".lokr_w", ".oft_"]
        let adapted = tensors.first { tensor in
            tensor.name.hasPrefix("base_model.") && infixes.contains { tensor.name.contains($0) }
        }
        guard let adapted else { return }
        try require("target_modules", because: adapted.name)
        if adapted.name.contains(".lora_A") { try require("lora_alpha", because: adapted.name) }
    }

    private func require(_ field: String, because tensor: String) throws(AdapterError) {
        guard configuration[field]?.isNull ?? true else { return }
        throw AdapterError(
            "it has no \"\(field)\", and \(tensor) means nothing without it", place: place,
            remedy: "add what it was trained with")
    }
}
