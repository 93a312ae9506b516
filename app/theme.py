"""The look: paper and ink, system fonts only, so that no font is fetched from anywhere."""

import gradio as gr
from gradio.themes.utils import colors, sizes

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
PAGE = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_400",
}
BLOCK = {
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_900",
    "block_border_width": "1px",
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_800",
    "block_shadow": "0 1px 2px rgb(28 25 23 / .05)",
}
LABEL = {
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_300",
    "block_title_text_color": "*neutral_700",
    "block_title_text_color_dark": "*neutral_200",
    "block_title_text_weight": "600",
}
CONTROL = {
    "input_background_fill": "*neutral_50",
    "input_background_fill_dark": "*neutral_800",
    "slider_color": "*primary_700",
    "slider_color_dark": "*primary_500",
    "checkbox_border_color": "*neutral_500",
    "checkbox_border_color_dark": "*neutral_400",
}
BUTTON = {
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "button_primary_background_fill_dark": "*primary_700",
    "button_primary_background_fill_hover_dark": "*primary_800",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "white",
}
LINK = {
    "link_text_color": "*primary_700",
    "link_text_color_dark": "*primary_400",
    "link_text_color_hover": "*primary_800",
    "link_text_color_hover_dark": "*primary_300",
    "link_text_color_visited": "*primary_700",
    "link_text_color_visited_dark": "*primary_400",
}


def calm() -> gr.themes.Base:
    """Warm paper, dark ink, one teal accent; dark mode follows the browser."""
    look = gr.themes.Base(
        primary_hue=colors.teal,
        secondary_hue=colors.teal,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_lg,
        font=SANS,
        font_mono=MONO,
    )
    return look.set(**PAGE, **BLOCK, **LABEL, **CONTROL, **BUTTON, **LINK)
