// The texts that differ when nobody but the browser reads.

import { STRINGS } from "./strings.js";

Object.assign(STRINGS.en, {
  "tagline": "Read a picture in this browser alone, and see how it was read.",
  "status.up": "Ready, without a server",
  "footer":
    "For learning and research, on pictures that you made or own. They are read in this browser and sent nowhere.",
  "error.too_large": "The file is larger than {megabytes} MB.",
  "error.network": "A part of this page cannot be loaded ({detail}). Is the whole folder there?",
  "error.model": "The model cannot be used ({detail}).",
  "error.browser": "This browser cannot run the page ({detail}). A current one can.",
});

Object.assign(STRINGS.zh, {
  "tagline": "只用这个浏览器识别图片，看清它是怎么读出来的。",
  "status.up": "就绪，不需要服务器",
  "footer": "仅供学习和研究，请使用自己制作或拥有的图片。图片只在这个浏览器里识别，不会发送到任何地方。",
  "error.too_large": "文件超过 {megabytes} MB。",
  "error.network": "页面的一部分无法加载（{detail}）。文件夹完整吗？",
  "error.model": "模型无法使用（{detail}）。",
  "error.browser": "这个浏览器无法运行本页（{detail}），请换用较新的浏览器。",
});
