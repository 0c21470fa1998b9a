/* Made by `peft-host plugins manifest`: what libLoRA.so says of itself without being loaded. */
__attribute__((section("peft_manifest"), used, retain)) static const char manifest[] =
    "{\"manifest\":1,\"abi\":[1,1],\"id\":\"LoRA\",\"peft_type\":\"LORA\",\"version\":\"1.0.0\","
    "\"license\":\"Apache-2.0\",\"summary\":\"low-rank update of linear layers\","
    "\"paper\":\"Hu et al. 2021, arXiv:2106.09685\",\"capabilities\":[\"merge\",\"identity-at-init\"],"
    "\"site_kinds\":[\"linear\"],\"default_roles\":[\"query\",\"value\"],\"default_learning_rate\":0.001,"
    "\"hyperparameters\":["
    "{\"name\":\"r\",\"type\":\"integer\",\"default\":8,\"minimum\":1,\"maximum\":65536,\"choices\":[],"
    "\"per_site\":true,\"pattern\":\"rank_pattern\",\"required\":false,\"nullable\":false,\"derived\":false,"
    "\"summary\":\"rank of the update\"},"
    "{\"name\":\"lora_alpha\",\"type\":\"number\",\"default\":8.0,\"minimum\":null,\"maximum\":null,\"choices\":[],"
    "\"per_site\":true,\"pattern\":\"alpha_pattern\",\"required\":false,\"nullable\":false,\"derived\":false,"
    "\"summary\":\"numerator of the scale alpha / r\"},"
    "{\"name\":\"lora_dropout\",\"type\":\"number\",\"default\":0.0,\"minimum\":0,\"maximum\":0.99,\"choices\":[],"
    "\"per_site\":false,\"pattern\":null,\"required\":false,\"nullable\":false,\"derived\":false,"
    "\"summary\":\"dropout on the adapter's input\"}]}";
